import Glibc

/// An address a socket can connect to or listen on. Found once, before the load: no name is looked up while it runs.
struct SocketAddress: Sendable {
    let family: Int32
    private let bytes: [UInt8]

    /// The first address of a host.
    init(host: String, port: Int) throws(LoadSetUpError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0, let first = list?.pointee, let address = first.ai_addr else {
            throw LoadSetUpError(
                .unknownHost, "\(host): \(String(cString: gai_strerror(status))); check the target's name")
        }
        defer { freeaddrinfo(list) }
        family = first.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen)))
    }

    /// Whether only this host reaches it.
    var isLoopback: Bool {
        bytes.withUnsafeBytes { raw in
            if family == AF_INET { return raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr.bigEndian >> 24 == 127 }
            guard family == AF_INET6 else { return false }
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: address) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
        }
    }

    func with<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        bytes.withUnsafeBytes {
            body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
    }

    /// A socket that does not block, and does not wait to fill packets. Negative: `errno` says why.
    func makeSocket() -> Int32 {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, flags, 0)
        if descriptor >= 0 { setNoDelay(descriptor) }
        return descriptor
    }
}

func setNoDelay(_ descriptor: Int32) {
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
}

/// What an `errno` means.
func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
