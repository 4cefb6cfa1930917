import Foundation

/// Where the load goes: `http://host:port` in clear (HTTP/2 with prior knowledge), `https://host:port` over TLS with ALPN `h2`.
package struct LoadTarget: Sendable, Equatable, Codable {
    package let host: String
    package let port: Int
    package let isTLS: Bool
    /// PEM file with the certificates that are trusted instead of the system's; nil: the system's.
    package var caFile: String?
    /// The same as PEM text, for agents on hosts that do not have the file.
    package var certificates: String?

    /// Of a file with trusted certificates.
    package static let certificateBytesMax = 4 << 20

    package init(host: String, port: Int, isTLS: Bool = false, caFile: String? = nil) {
        self.host = host
        self.port = port
        self.isTLS = isTLS
        self.caFile = caFile
    }

    /// - Parameter text: `http://host[:port]`, `https://host[:port]`, or `host:port`; an IPv6 address in brackets. A path is refused.
    package init(_ text: String, caFile: String? = nil) throws(LoadSetUpError) {
        func bad(_ why: String) -> LoadSetUpError {
            LoadSetUpError(.badTarget, "target '\(text)': \(why); write http://HOST:PORT or https://HOST:PORT")
        }
        var rest = Substring(text)
        var isTLS = false
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst(7)
        } else if rest.hasPrefix("https://") {
            rest = rest.dropFirst(8)
            isTLS = true
        } else if text.contains("://") {
            throw bad("neither http nor https")
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard !rest.contains("/") else { throw bad("a target has no path") }
        var port = isTLS ? 443 : 80
        var host = rest
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw bad("a bracket is not closed") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else if let colon = rest.firstIndex(of: ":") {
            host = rest[..<colon]
            rest = rest[colon...]
        } else {
            rest = ""
        }
        if !rest.isEmpty {
            guard rest.hasPrefix(":"), let number = Int(rest.dropFirst()), (1...65535).contains(number) else {
                throw bad("a port is a number from 1 to 65535")
            }
            port = number
        }
        guard !host.isEmpty else { throw bad("no host") }
        guard caFile == nil || isTLS else { throw bad("a CA file goes with https only") }
        self.init(host: String(host), port: port, isTLS: isTLS, caFile: caFile)
    }

    /// The same target with the file's certificates in place of its name.
    func carryingCertificates() throws(LoadSetUpError) -> LoadTarget {
        guard let caFile else { return self }
        guard let data = FileManager.default.contents(atPath: caFile), data.count <= Self.certificateBytesMax else {
            throw LoadSetUpError(
                .certificate, "CA file \(caFile): it cannot be read, or has more than \(Self.certificateBytesMax >> 20) MiB")
        }
        var target = self
        target.caFile = nil
        target.certificates = String(decoding: data, as: UTF8.self)
        return target
    }

    /// `host:port` as a request's `:authority`.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    package var url: String { "\(isTLS ? "https" : "http")://\(authority)" }
}
