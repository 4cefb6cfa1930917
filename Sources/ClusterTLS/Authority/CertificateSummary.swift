import Crypto
import Foundation
import X509

/// What a certificate says, for people.
package struct CertificateSummary: Sendable {
    /// What it is for: a role, `authority`, or nil for a certificate that is not of a cluster.
    package let role: String?
    package let cluster: String?
    package let name: String?
    package let hosts: [String]
    package let subject: String
    package let issuer: String
    /// Hexadecimal, without colons.
    package let serial: String
    /// Of the whole certificate, hexadecimal, as `openssl x509 -fingerprint -sha256` without colons.
    package let sha256: String
    package let notBefore: Date
    package let notAfter: Date
    /// Whether `now` is between the two.
    package let isValidNow: Bool
    /// Whole days that are left; negative once it has ended.
    package let daysLeft: Int

    /// The certificates of a PEM text, one at least.
    /// - Throws: `unreadable`.
    package static func read(_ text: String, file: String, now: Date = Date()) throws(ClusterTLSError) -> [CertificateSummary] {
        var summaries: [CertificateSummary] = []
        for certificate in try CertificateText.certificates(text, file: file) {
            summaries.append(try CertificateSummary(certificate, now: now))
        }
        return summaries
    }

    /// Whether each certificate of a PEM text is signed by one of the authorities of another.
    /// - Throws: `unreadable`.
    package static func areSigned(
        _ text: String, file: String, by authorities: String, authorityFile: String
    ) throws(ClusterTLSError) -> [Bool] {
        let authorities = try CertificateText.certificates(authorities, file: authorityFile)
        return try CertificateText.certificates(text, file: file).map { certificate in
            authorities.contains {
                $0.subject == certificate.issuer && $0.publicKey.isValidSignature(certificate.signature, for: certificate)
            }
        }
    }

    init(_ certificate: Certificate, now: Date) throws(ClusterTLSError) {
        let names = (try? certificate.extensions.subjectAlternativeNames).map { Array($0) } ?? []
        let identity = PeerCertificate.identity(in: names)
        if let identity {
            role = identity.role.rawValue
            cluster = identity.cluster
            name = identity.name
        } else {
            cluster = ClusterAuthority.cluster(of: certificate)
            role = cluster == nil ? nil : "authority"
            name = nil
        }
        hosts = names.compactMap { CertificateHost($0)?.description }
        subject = certificate.subject.description
        issuer = certificate.issuer.description
        serial = Self.hexadecimal(certificate.serialNumber.bytes)
        sha256 = Self.hexadecimal(SHA256.hash(data: try CertificateText.bytes(of: certificate)))
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
        isValidNow = notBefore <= now && now <= notAfter
        daysLeft = Int((notAfter.timeIntervalSince(now) / ClusterAuthority.secondsPerDay).rounded(.down))
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }
}
