/// A folder of certificates and keys: `ca.pem` and `ca-key.pem` of the authority, `NAME.pem` and `NAME-key.pem` of each process.
package struct CredentialFolder: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    package var authority: String { "\(path)/\(Self.authorityName).pem" }
    package var authorityKey: String { "\(path)/\(Self.authorityName)\(Self.keySuffix).pem" }
    package func certificate(of name: String) -> String { "\(path)/\(name).pem" }
    package func key(of name: String) -> String { "\(path)/\(name)\(Self.keySuffix).pem" }

    private static let authorityName = "ca"
    private static let keySuffix = "-key"

    /// Writes a new authority.
    /// - Throws: `exists`, `file`.
    package func write(_ authority: ClusterAuthority, isReplacing: Bool) throws(ClusterTLSError) {
        let text = try authority.certificateText
        let loss = ", and certificates that it has signed would be worth nothing"
        if !isReplacing {
            for path in [self.authority, authorityKey] where CredentialFile.exists(path) {
                throw CredentialFile.exists(path, loss)
            }
        }
        try CredentialFile.makeFolder(path)
        try CredentialFile.write(authority.secretKeyText, to: authorityKey, readers: .owner, isReplacing: isReplacing)
        try CredentialFile.write(text, to: self.authority, readers: .everybody, isReplacing: isReplacing)
    }

    /// The authority that is here.
    /// - Throws: `file`, `unreadable`, `unfit`.
    package func readAuthority() throws(ClusterTLSError) -> ClusterAuthority {
        try ClusterAuthority(
            certificateText: CredentialFile.read(authority), keyText: CredentialFile.read(authorityKey), file: authority,
            keyFile: authorityKey)
    }

    /// Writes a process's certificate and key, and the authority's certificate beside them if it is not here.
    /// - Throws: `badName` for a name whose files would be another's, `exists`, `file`.
    package func write(
        _ issued: IssuedCertificate, of authority: ClusterAuthority, isReplacing: Bool
    ) throws(ClusterTLSError) {
        let name = issued.identity.name
        guard name != Self.authorityName, !name.hasSuffix(Self.keySuffix) else {
            throw ClusterTLSError(
                .badName, "`\(name)` would take the file of something else: a name is not `ca` and does not end in `-key`")
        }
        let authorityText = try authority.certificateText
        if !isReplacing {
            for path in [certificate(of: name), key(of: name)] where CredentialFile.exists(path) {
                throw CredentialFile.exists(path, "")
            }
        }
        if CredentialFile.exists(self.authority) {
            guard try CredentialFile.read(self.authority).contains(authorityText) else {
                throw ClusterTLSError(
                    .exists,
                    "\(self.authority) is the certificate of another authority; name another folder with --out, or add the "
                        + "authority's certificate to that file if both are to be trusted")
            }
        }
        try CredentialFile.makeFolder(path)
        if !CredentialFile.exists(self.authority) {
            try CredentialFile.write(authorityText, to: self.authority, readers: .everybody, isReplacing: false)
        }
        try CredentialFile.write(issued.keyText, to: key(of: name), readers: .owner, isReplacing: isReplacing)
        try CredentialFile.write(issued.certificateText, to: certificate(of: name), readers: .everybody, isReplacing: isReplacing)
    }
}
