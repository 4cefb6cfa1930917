import Foundation

/// TCP ports of this machine.
enum ListeningPort {
    /// Whether a server could listen there now. Throws for an address that is not this machine's.
    static func isFree(host: String, port: Int) throws(CommandError) -> Bool {
        let descriptor = try bound(host: host, port: port)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    /// `preferred` if it is free on loopback, else any free port.
    static func choose(preferred: Int?) throws(CommandError) -> Int {
        if let preferred, try isFree(host: "127.0.0.1", port: preferred) { return preferred }
        let descriptor = try bound(host: "127.0.0.1", port: 0)
        guard descriptor >= 0 else { throw CommandError(.systemRefused, "no free TCP port on 127.0.0.1; close some servers") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard failed == 0 else { throw CommandError(.systemRefused, "cannot read a socket's port: \(systemMessage(errno))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// A socket bound to the port, or -1 if the port is taken.
    private static func bound(host: String, port: Int) throws(CommandError) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw CommandError(
                .usage, "--host \(host) is not an IPv4 address; use 127.0.0.1, 0.0.0.0 or an address of this machine")
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw CommandError(.systemRefused, "cannot make a socket: \(systemMessage(errno))") }
        // As servers do it: connections of an earlier run that linger in TIME_WAIT are not in the way.
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let failed = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if failed == 0 { return descriptor }
        let number = errno
        close(descriptor)
        switch number {
        case EADDRINUSE: return -1
        case EACCES: throw CommandError(.accessDenied, "port \(port) is for root alone; choose one above 1023 with --port")
        default: throw CommandError(.usage, "cannot listen on \(host):\(port): \(systemMessage(number)); see --host")
        }
    }
}
