import Crypto
import Foundation
import X509

/// A cluster's certificate authority: the certificate that all its processes trust, and the key that signs theirs.
///
/// P-256 with SHA-256 throughout: every TLS library verifies it, and a signature costs some tens of microseconds.
package struct ClusterAuthority: Sendable {
    package let cluster: String
    let certificate: Certificate
    private let key: Certificate.PrivateKey
    private let keyText: String

    /// Clocks of hosts may differ by so much: certificates are valid from so long before they are issued. Seconds.
    static let clockSkewSeconds: Double = 300
    static let secondsPerDay: Double = 86_400
    /// How long a certificate may be issued for, days. Twenty years: dates beyond 2049 are written in another form.
    package static let daysRange = 1...7300

    /// A new authority with a new key.
    /// - Parameter now: the moment of its making; it is valid from a little before.
    /// - Throws: `badName`, `badLifetime`, `library`.
    package static func make(cluster: String, days: Int, now: Date = Date()) throws(ClusterTLSError) -> ClusterAuthority {
        try ClusterIdentity.require(cluster, "the cluster's name")
        try require(days: days)
        let signingKey = P256.Signing.PrivateKey()
        let key = Certificate.PrivateKey(signingKey)
        do {
            let subject = try DistinguishedName {
                OrganizationName("Fature Cluster")
                CommonName(cluster)
            }
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
                notValidBefore: now.addingTimeInterval(-clockSkewSeconds),
                notValidAfter: now.addingTimeInterval(Double(days) * secondsPerDay), issuer: subject, subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    // No authorities below this one: it signs for processes alone.
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true))
                    SubjectKeyIdentifier(hash: key.publicKey)
                    SubjectAlternativeNames([.uniformResourceIdentifier(ClusterIdentity.scheme + cluster)])
                }, issuerPrivateKey: key)
            return ClusterAuthority(
                cluster: cluster, certificate: certificate, key: key, keyText: signingKey.pemRepresentation)
        } catch {
            throw ClusterTLSError(.library, "cannot make the authority's certificate: \(error)")
        }
    }

    /// An authority that was made before.
    /// - Throws: `unreadable` for what is no authority of ours, `unfit` if the key is not the certificate's.
    package init(certificateText: String, keyText: String, file: String, keyFile: String) throws(ClusterTLSError) {
        let certificates = try CertificateText.certificates(certificateText, file: file)
        guard let certificate = certificates.first, let cluster = Self.cluster(of: certificate) else {
            throw ClusterTLSError(
                .unreadable, "\(file) is not the certificate of a cluster's authority; `fature cluster init-ca` makes one")
        }
        let key: Certificate.PrivateKey
        do { key = try Certificate.PrivateKey(pemEncoded: keyText) } catch {
            throw ClusterTLSError(.unreadable, "\(keyFile) is not a private key in PEM (\(error))")
        }
        guard key.publicKey == certificate.publicKey else {
            throw ClusterTLSError(.unfit, "\(keyFile) is not the key of \(file)")
        }
        self.init(cluster: cluster, certificate: certificate, key: key, keyText: keyText)
    }

    private init(cluster: String, certificate: Certificate, key: Certificate.PrivateKey, keyText: String) {
        self.cluster = cluster
        self.certificate = certificate
        self.key = key
        self.keyText = keyText
    }

    /// The cluster whose authority a certificate is, or nil if it is none.
    static func cluster(of certificate: Certificate) -> String? {
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints,
            let names = try? certificate.extensions.subjectAlternativeNames
        else { return nil }
        for case .uniformResourceIdentifier(let uri) in names where uri.hasPrefix(ClusterIdentity.scheme) {
            let cluster = String(uri.dropFirst(ClusterIdentity.scheme.count))
            if IdentityName.complaint(about: cluster) == nil { return cluster }
        }
        return nil
    }

    /// PEM, for everybody.
    package var certificateText: String {
        get throws(ClusterTLSError) { try CertificateText.text(of: certificate) }
    }
    /// PEM, for nobody else.
    package var secretKeyText: String { keyText }
    /// When it ends.
    package var notAfter: Date { certificate.notValidAfter }

    /// A certificate with a new key for a process. It ends no later than the authority's.
    /// - Parameters:
    ///   - hosts: where the process runs, for tools that check it; 1 to 64, and none is enough for an operator.
    ///   - now: the moment of its making; it is valid from a little before.
    /// - Throws: `badName`, `badHost`, `badLifetime`, `unfit` if the authority is not valid any more, `library`.
    package func issue(
        role: NodeRole, name: String, hosts: [CertificateHost], days: Int, now: Date = Date()
    ) throws(ClusterTLSError) -> IssuedCertificate {
        try Self.require(days: days)
        return try issue(
            role: role, name: name, hosts: hosts, notBefore: now.addingTimeInterval(-Self.clockSkewSeconds),
            notAfter: now.addingTimeInterval(Double(days) * Self.secondsPerDay), now: now)
    }

    /// As above, for a time of any kind: tests make certificates that have ended.
    package func issue(
        role: NodeRole, name: String, hosts: [CertificateHost], notBefore: Date, notAfter: Date, now: Date = Date()
    ) throws(ClusterTLSError) -> IssuedCertificate {
        let identity = try ClusterIdentity(cluster: cluster, role: role, name: name)
        guard ((role.hasHosts ? 1 : 0)...Self.hostsMax).contains(hosts.count) else {
            throw ClusterTLSError(.badHost, "a certificate is for 1 to \(Self.hostsMax) hosts, not \(hosts.count); give --host")
        }
        guard now < certificate.notValidAfter else {
            throw ClusterTLSError(
                .unfit,
                "the authority of \(cluster) has ended on \(certificate.notValidAfter); make a new one with `fature cluster init-ca`"
            )
        }
        let signingKey = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(signingKey.publicKey)
        do {
            let leaf = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey, notValidBefore: notBefore,
                notValidAfter: min(notAfter, certificate.notValidAfter), issuer: certificate.subject,
                subject: try DistinguishedName {
                    OrganizationName(cluster)
                    OrganizationalUnitName(role.rawValue)
                    CommonName(name)
                }, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage(role.listens ? [.serverAuth, .clientAuth] : [.clientAuth])
                    SubjectKeyIdentifier(hash: publicKey)
                    AuthorityKeyIdentifier(
                        keyIdentifier: try certificate.extensions.subjectKeyIdentifier?.keyIdentifier)
                    SubjectAlternativeNames([.uniformResourceIdentifier(identity.uri)] + hosts.map(\.generalName))
                }, issuerPrivateKey: key)
            return IssuedCertificate(
                identity: identity, certificateText: try CertificateText.text(of: leaf),
                keyText: signingKey.pemRepresentation, notAfter: leaf.notValidAfter)
        } catch let error as ClusterTLSError {
            throw error
        } catch {
            throw ClusterTLSError(.library, "cannot make the certificate of \(identity): \(error)")
        }
    }

    private static let hostsMax = 64

    private static func require(days: Int) throws(ClusterTLSError) {
        guard daysRange.contains(days) else {
            throw ClusterTLSError(
                .badLifetime, "a certificate lasts \(daysRange.lowerBound) to \(daysRange.upperBound) days, not \(days)")
        }
    }
}

/// A process's new certificate and key, in PEM.
package struct IssuedCertificate: Sendable {
    package let identity: ClusterIdentity
    package let certificateText: String
    package let keyText: String
    /// When it ends.
    package let notAfter: Date
}
