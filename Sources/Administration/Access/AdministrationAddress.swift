/// A host and a port, as in `10.0.0.4:7600`, `[::1]:7600` or `admin.example.net:7600`.
package struct AdministrationAddress: Equatable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    /// - Throws: `misconfigured` for what is no host and port.
    package init(_ text: String) throws(AdministrationFault) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { throw Self.bad(text) }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Self.bad(text)
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !Self.foreign.contains($0) }) else {
            throw Self.bad(text)
        }
        self.host = String(host)
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static let foreign: [UInt8] = Array("/@?#[]%\\".utf8)

    private static func bad(_ text: String) -> AdministrationFault {
        AdministrationFault(.misconfigured, "`\(text)` is not HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600")
    }
}
