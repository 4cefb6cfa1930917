import NIOCore

/// Which hosts are this machine itself, so that nobody listens in between.
package enum LoopbackHost {
    /// True for 127.0.0.0/8, ::1 and `localhost`, as text. Any other name might lead anywhere.
    package static func contains(_ host: String) -> Bool {
        if host.lowercased() == "localhost" { return true }
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
        switch address {
        case .v4(let address): return withUnsafeBytes(of: address.address.sin_addr) { $0.first == 127 }
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
            let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
            return bytes == [UInt8](repeating: 0, count: 15) + [1] || (Array(bytes.prefix(12)) == mapped && bytes[12] == 127)
        case .unixDomainSocket: return false
        }
    }
}
