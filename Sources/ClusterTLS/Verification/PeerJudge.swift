import Foundation
import SwiftASN1
import X509

/// Whether a peer's certificate is good enough, and whose it is.
///
/// A certificate is signed by one of the cluster's authorities itself: there are none between. Beside what RFC 5280 asks it must be for
/// this cluster, for a role that is expected here, and under the expected name.
struct PeerJudge: Sendable {
    /// What the peer must be.
    struct Demand: Sendable {
        let roles: Set<NodeRole>
        /// Nil: any name.
        let name: String?
        /// What the certificate must be good for; nil: looked at elsewhere.
        let usage: ExtendedKeyUsage.Usage?
    }

    let cluster: String
    let authorities: [Certificate]
    let demand: Demand

    /// - Parameter bytes: the peer's own certificate, in DER.
    func judge(_ bytes: [UInt8]) async -> Result<ClusterIdentity, PeerRefusal> {
        do { return await judge(try Certificate(derEncoded: bytes)) } catch {
            return .failure(.unfit("it cannot be read"))
        }
    }

    func judge(_ certificate: Certificate) async -> Result<ClusterIdentity, PeerRefusal> {
        let signers = authorities.filter {
            $0.subject == certificate.issuer && $0.publicKey.isValidSignature(certificate.signature, for: certificate)
        }
        guard let signer = signers.first else {
            return .failure(.foreignAuthority(issuer: Self.printable(certificate.issuer.description)))
        }
        let now = Date()
        // Said first, since it is what happens most, and operators must read it in these words.
        if certificate.notValidAfter < now { return .failure(.expired(since: certificate.notValidAfter)) }
        if certificate.notValidBefore > now { return .failure(.notYetValid(before: certificate.notValidBefore)) }
        if signers.allSatisfy({ $0.notValidAfter < now }) {
            return .failure(.authorityExpired(since: signer.notValidAfter))
        }
        var verifier = Verifier(rootCertificates: CertificateStore(authorities)) { RFC5280Policy() }
        switch await verifier.validate(leaf: certificate, intermediates: CertificateStore([])) {
        case .validCertificate: return identity(of: certificate)
        case .couldNotValidate(let failures):
            let reason = failures.first.map { "\($0.policyFailureReason)" } ?? "it has critical extensions that are not known"
            return .failure(.unfit(Self.printable(reason)))
        }
    }

    private func identity(of certificate: Certificate) -> Result<ClusterIdentity, PeerRefusal> {
        if case .isCertificateAuthority? = try? certificate.extensions.basicConstraints { return .failure(.noIdentity) }
        guard let identity = PeerCertificate.identity(of: certificate) else { return .failure(.noIdentity) }
        guard identity.cluster == cluster else { return .failure(.wrongCluster(identity)) }
        guard demand.roles.contains(identity.role) else { return .failure(.wrongRole(identity)) }
        if let name = demand.name, name != identity.name { return .failure(.wrongName(identity, wanted: name)) }
        if let usage = demand.usage {
            guard let usages = try? certificate.extensions.extendedKeyUsage, usages.contains(usage) else {
                return .failure(.unfit("it is not for \(usage)"))
            }
        }
        return .success(identity)
    }

    private static let printableCharactersMax = 160

    /// What a stranger wrote, fit for a line of the log.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.prefix(printableCharactersMax).map { $0.isASCII && $0.value >= 0x20 ? Character($0) : "?" })
    }
}
