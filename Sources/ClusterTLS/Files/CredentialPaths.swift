/// Where a process's certificate, its key and the cluster's authorities are.
package struct CredentialPaths: Sendable, Equatable {
    package let certificate: String
    package let key: String
    package let authority: String

    package init(certificate: String, key: String, authority: String) {
        self.certificate = certificate
        self.key = key
        self.authority = authority
    }

    /// Nil where none is named.
    /// - Throws: `missing` if only some are.
    package init?(certificate: String?, key: String?, authority: String?) throws(ClusterTLSError) {
        if certificate == nil && key == nil && authority == nil { return nil }
        guard let certificate, let key, let authority else {
            let missing = [("--tls-cert", certificate), ("--tls-key", key), ("--tls-ca", authority)].filter { $0.1 == nil }
                .map(\.0)
            throw ClusterTLSError(
                .missing,
                "\(missing.joined(separator: " and ")) missing: --tls-cert, --tls-key and --tls-ca belong together (or the same "
                    + "in the environment or the file)")
        }
        self.init(certificate: certificate, key: key, authority: authority)
    }

    /// Without certificates only loopback may be listened on.
    /// - Parameter who: who would listen.
    /// - Throws: `missing`, saying what to give.
    package static func require(
        _ paths: CredentialPaths?, toListenOn host: String, as who: String = "a worker"
    ) throws(ClusterTLSError) {
        guard paths == nil, !LoopbackHost.contains(host) else { return }
        throw ClusterTLSError(
            .missing,
            "beyond loopback (\(host)) \(who) wants --tls-cert, --tls-key and --tls-ca; `fature cluster init-ca` and "
                + "`fature cluster issue` make them, or listen on 127.0.0.1")
    }
}
