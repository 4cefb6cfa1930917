/// Where an agent listens: `HOST:PORT`, an IPv6 address in brackets.
package struct AgentAddress: Sendable, Equatable, CustomStringConvertible {
    package let host: String
    package let port: Int

    /// - Throws: when the text is none.
    package init(_ text: String) throws(LoadSetUpError) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port),
            text[text.index(after: colon)...].allSatisfy(\.isASCII)
        else { throw LoadSetUpError(.agent, "'\(text)' is no agent's address: write HOST:PORT") }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw LoadSetUpError(.agent, "'\(text)': write an IPv6 address in brackets, [::1]:7400")
        }
        guard !host.isEmpty else { throw LoadSetUpError(.agent, "'\(text)' names no host: write HOST:PORT") }
        self.host = String(host)
        self.port = port
    }

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
