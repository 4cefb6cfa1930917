import Core

/// What operators over HTTP call themselves. A coordinator cannot know whether it is true, and says so in the audit.
package enum OperatorName {
    /// The header that carries it.
    package static let header = "fature-operator"
    package static let bytesMax = 64

    /// Visible ASCII, without blanks.
    package static func isFit(_ name: String) -> Bool {
        (1...bytesMax).contains(name.utf8.count) && name.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

extension ChangeOrigin {
    /// Who asks over HTTP, as the audit names them: `http:10.0.0.9 certificate:maria claims:cli:maria`.
    /// - Parameters:
    ///   - peer: the address that the connection came from.
    ///   - certificate: the name in the peer's certificate; nil where there is none.
    ///   - claimed: what it calls itself.
    package static func http(peer: String, certificate: String?, claimed: String?, requestID: String) -> ChangeOrigin {
        var actor = "http:\(peer)"
        if let certificate { actor += " certificate:\(certificate)" }
        if let claimed { actor += " claims:\(claimed)" }
        return ChangeOrigin(actor: actor, requestID: requestID)
    }
}
