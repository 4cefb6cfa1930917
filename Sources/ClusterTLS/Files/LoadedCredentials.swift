import Foundation
import NIOCore
import NIOSSL
import X509

/// One reading of a process's files, checked, with what TLS makes of them.
struct LoadedCredentials: Sendable {
    let identity: ClusterIdentity
    let authorities: [Certificate]
    let certificate: Certificate
    /// For connections that come, and for those that we make.
    let serverContext: NIOSSLContext
    let clientContext: NIOSSLContext

    /// The files as they are on the disk.
    struct Texts: Equatable, Sendable {
        let certificate: String
        let key: String
        let authority: String

        init(_ paths: CredentialPaths) throws(ClusterTLSError) {
            certificate = try CredentialFile.read(paths.certificate)
            key = try CredentialFile.read(paths.key)
            authority = try CredentialFile.read(paths.authority)
        }
    }

    /// How long a peer may take to say goodbye.
    private static let goodbye = TimeAmount.seconds(1)

    /// - Parameters:
    ///   - role: what the process does; the certificate must say the same.
    ///   - name: the process's name; nil where any will do.
    /// - Throws: `unreadable`, `unfit`.
    init(_ texts: Texts, paths: CredentialPaths, role: NodeRole, name: String?) async throws(ClusterTLSError) {
        authorities = try CertificateText.certificates(texts.authority, file: paths.authority)
        if let other = authorities.first(where: { ClusterAuthority.cluster(of: $0) == nil }) {
            throw ClusterTLSError(
                .unfit, "\(paths.authority) holds what is no cluster's authority (\(other.subject)); --tls-ca is ca.pem")
        }
        guard let own = try CertificateText.certificates(texts.certificate, file: paths.certificate).first else {
            throw ClusterTLSError(.unreadable, "\(paths.certificate) holds no certificate")
        }
        certificate = own
        let key: Certificate.PrivateKey
        do { key = try Certificate.PrivateKey(pemEncoded: texts.key) } catch {
            throw ClusterTLSError(.unreadable, "\(paths.key) is not a private key in PEM; --tls-key is NAME-key.pem")
        }
        guard key.publicKey == own.publicKey else {
            throw ClusterTLSError(.unfit, "\(paths.key) is not the key of \(paths.certificate)")
        }
        guard let found = PeerCertificate.identity(of: own) else {
            throw ClusterTLSError(
                .unfit, "\(paths.certificate) names nobody of a cluster; `fature cluster issue` makes certificates that do")
        }
        identity = found
        guard found.role == role else {
            throw ClusterTLSError(.unfit, "\(paths.certificate) is for \(found.role.phrase), and this is \(role.phrase)")
        }
        guard name == nil || name == found.name else {
            throw ClusterTLSError(
                .unfit, "\(paths.certificate) is for \(found.name), and this \(role.rawValue) is called \(name ?? ""); see --name"
            )
        }
        let judge = PeerJudge(
            cluster: found.cluster, authorities: authorities, demand: .init(roles: [role], name: name, usage: nil))
        if case .failure(let refusal) = await judge.judge(own) {
            throw ClusterTLSError(.unfit, "\(paths.certificate) cannot be used with \(paths.authority): \(refusal.reason)")
        }
        do {
            let chain = [NIOSSLCertificateSource.certificate(try Self.library(own))]
            let source = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(bytes: Array(texts.key.utf8), format: .pem))
            let roots = NIOSSLTrustRoots.certificates(try authorities.map(Self.library))
            var server = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: source)
            server.minimumTLSVersion = .tlsv13
            // What asks the peer for its certificate; `PeerJudge` is asked what it is worth.
            server.certificateVerification = .noHostnameVerification
            server.trustRoots = roots
            server.shutdownTimeout = Self.goodbye
            serverContext = try NIOSSLContext(configuration: server)
            var client = TLSConfiguration.makeClientConfiguration()
            client.minimumTLSVersion = .tlsv13
            client.certificateVerification = .noHostnameVerification
            client.trustRoots = roots
            client.certificateChain = chain
            client.privateKey = source
            client.shutdownTimeout = Self.goodbye
            clientContext = try NIOSSLContext(configuration: client)
        } catch {
            throw ClusterTLSError(.unreadable, "\(paths.certificate) and \(paths.key) cannot be used: \(error)")
        }
    }

    private static func library(_ certificate: Certificate) throws -> NIOSSLCertificate {
        try NIOSSLCertificate(bytes: CertificateText.bytes(of: certificate), format: .der)
    }
}
