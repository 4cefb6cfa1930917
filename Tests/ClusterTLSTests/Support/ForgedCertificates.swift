import Crypto
import Foundation
import NIOCore
import NIOSSL
import X509

@testable import ClusterTLS

extension TestAuthority {
    /// A certificate that `fature cluster issue` would not make, signed by this authority.
    func sign(cluster: String, role: String, name: String) throws -> CredentialPaths {
        let key = P256.Signing.PrivateKey()
        let authorityCertificate = try Certificate(pemEncoded: authority.certificateText)
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 60,
            notValidAfter: Date() + 3600, issuer: authorityCertificate.subject, subject: DistinguishedName { CommonName(name) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.clientAuth, .serverAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier("fature://\(cluster)/\(role)/\(name)")])
            }, issuerPrivateKey: Certificate.PrivateKey(pemEncoded: authority.secretKeyText))
        let base = "\(folder.path)/forged-\(cluster)-\(role)-\(name)"
        try CredentialFile.write(CertificateText.text(of: certificate), to: base, readers: .everybody, isReplacing: false)
        try CredentialFile.write(key.pemRepresentation, to: base + "-key", readers: .owner, isReplacing: false)
        return CredentialPaths(certificate: base, key: base + "-key", authority: folder.authority)
    }
}

extension Caller {
    /// The server side of TLS without any of our checks.
    static func carelessServer(_ paths: CredentialPaths, on channel: any Channel) throws {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(paths.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: paths.key, format: .pem)))
        try channel.pipeline.syncOperations.addHandler(
            NIOSSLServerHandler(context: NIOSSLContext(configuration: configuration)))
    }
}
