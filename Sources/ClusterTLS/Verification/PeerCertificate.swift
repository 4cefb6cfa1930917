import X509

/// What of a certificate counts between processes.
enum PeerCertificate {
    /// The one identity that a certificate's names hold; nil if there is none, or more than one.
    static func identity(in names: [GeneralName]) -> ClusterIdentity? {
        var found: ClusterIdentity?
        for case .uniformResourceIdentifier(let uri) in names where uri.hasPrefix(ClusterIdentity.scheme) {
            guard found == nil, let identity = ClusterIdentity(uri: uri) else { return nil }
            found = identity
        }
        return found
    }

    static func identity(of certificate: Certificate) -> ClusterIdentity? {
        guard let names = try? certificate.extensions.subjectAlternativeNames else { return nil }
        return identity(in: Array(names))
    }
}
