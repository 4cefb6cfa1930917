import Glibc

/// A socket that listens, and its port.
func listeningSocket(host: String, port: Int) throws(LoadSetUpError) -> (Int32, Int) {
    let address = try SocketAddress(host: host, port: port)
    let listener = address.makeSocket()
    guard listener >= 0 else { throw LoadSetUpError(.resources, "no socket to listen on: \(errorText(errno))") }
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    guard address.with({ bind(listener, $0, $1) }) == 0, listen(listener, 1024) == 0 else {
        let reason = errorText(errno)
        close(listener)
        throw LoadSetUpError(.resources, "cannot listen on \(host):\(port): \(reason)")
    }
    var bound = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let port = withUnsafeMutableBytes(of: &bound) { bytes -> Int in
        let address = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self)
        getsockname(listener, address, &size)
        // The port stands at the same place in IPv4's and IPv6's addresses.
        return Int(bytes[2]) << 8 | Int(bytes[3])
    }
    return (listener, port)
}
