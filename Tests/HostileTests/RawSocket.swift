import Foundation

/// A TCP connection with nothing on top.
final class RawSocket {
    let descriptor: Int32

    /// - Parameter receiveBytes: size of the kernel's receive buffer; small for a client that reads slowly.
    init(_ port: Int, timeoutSeconds: Int = 5, receiveBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ClusterError("no socket: error \(errno)") }
        if var size = receiveBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let reason = errno
            close(descriptor)
            throw ClusterError("cannot connect to port \(port): error \(reason)")
        }
    }

    deinit { close(descriptor) }

    /// Sends all of it; false when the peer has closed or takes no more.
    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
        var at = 0
        while at < bytes.count {
            let sent = bytes[at...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            at += sent
        }
        return true
    }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    enum Received {
        case bytes([UInt8])
        case closed
        case nothing
    }

    /// What comes next, within the time limit.
    func receive(_ most: Int = 1 << 16) -> Received {
        var chunk = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &chunk, most, 0)
        if count > 0 { return .bytes(Array(chunk[..<count])) }
        return count == 0 || errno != EAGAIN ? .closed : .nothing
    }

    /// All until the peer closes; nil when it does not within the time limit.
    func receiveToEnd() -> [UInt8]? {
        var all: [UInt8] = []
        while true {
            switch receive() {
            case .bytes(let bytes): all += bytes
            case .closed: return all
            case .nothing: return nil
            }
        }
    }

    /// Closes with a reset when this object goes.
    func abort() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    func shutDownSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Just enough HTTP/1.1 to ask and to be refused.
enum HTTP1 {
    struct Answer {
        var status: Int
        var body: String
    }

    static func get(_ port: Int, _ target: String) throws -> Answer? {
        let socket = try RawSocket(port)
        socket.send("GET \(target) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return socket.receiveToEnd().flatMap(answer)
    }

    /// The status and body of one whole answer.
    static func answer(_ bytes: [UInt8]) -> Answer? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let status = Int(text.dropFirst(9).prefix(3)), let end = text.range(of: "\r\n\r\n")
        else { return nil }
        return Answer(status: status, body: String(text[end.upperBound...]))
    }
}

/// HTTP/2 frames by hand.
enum HTTP2Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = make(4, 0, 0, [])
    /// Windows of 2^30 bytes for each stream and for the connection.
    static let wideOpen = make(4, 0, 0, [0, 4, 0x40, 0, 0, 0]) + make(8, 0, 0, [0x3f, 0, 0, 0])

    static func make(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        return [
            UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags, UInt8(stream >> 24 & 127),
            UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255),
        ] + payload
    }

    /// A header block without indexing: `:method`, `:scheme http`, `:authority x`, `:path`.
    static func block(_ method: String, _ path: String) -> [UInt8] {
        let lengths = path.utf8.count < 127 ? [UInt8(path.utf8.count)] : [127, UInt8(path.utf8.count - 127)]
        return [0x02, UInt8(method.utf8.count)] + Array(method.utf8) + [0x86, 0x01, 1, 0x78, 0x04] + lengths + Array(path.utf8)
    }

    static func get(_ stream: UInt32, _ path: String) -> [UInt8] { make(1, 5, stream, block("GET", path)) }

    /// Types of the whole frames in `bytes`, and how many bytes those are.
    static func scan(_ bytes: [UInt8], _ onFrame: (_ type: UInt8, _ flags: UInt8, _ payload: ArraySlice<UInt8>) -> Void) -> Int {
        var at = 0
        while at + 9 <= bytes.count {
            let length = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
            guard at + 9 + length <= bytes.count else { break }
            onFrame(bytes[at + 3], bytes[at + 4], bytes[(at + 9)..<(at + 9 + length)])
            at += 9 + length
        }
        return at
    }
}
