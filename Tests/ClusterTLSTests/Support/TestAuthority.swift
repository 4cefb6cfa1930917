import Foundation
import Logging
import TestServers

@testable import ClusterTLS

/// An authority in a folder of its own, and the files of those it has issued certificates for.
final class TestAuthority: Sendable {
    let authority: ClusterAuthority
    let scratch: ScratchFolder
    let folder: CredentialFolder

    init(_ cluster: String = "test") throws {
        authority = try ClusterAuthority.make(cluster: cluster, days: 2)
        scratch = try ScratchFolder("cluster-tls")
        folder = CredentialFolder(scratch.path)
        try folder.write(authority, isReplacing: false)
    }

    static let day: Double = 86_400

    /// Issues a certificate for 127.0.0.1 and writes its files, over those of the same name.
    /// - Parameter from, until: days from now.
    @discardableResult
    func issue(_ role: NodeRole, _ name: String, from: Double = -1, until: Double = 1) throws -> CredentialPaths {
        let now = Date()
        let issued = try authority.issue(
            role: role, name: name, hosts: [CertificateHost("127.0.0.1")],
            notBefore: now.addingTimeInterval(from * Self.day), notAfter: now.addingTimeInterval(until * Self.day))
        try folder.write(issued, of: authority, isReplacing: true)
        return paths(name)
    }

    func paths(_ name: String) -> CredentialPaths {
        CredentialPaths(certificate: folder.certificate(of: name), key: folder.key(of: name), authority: folder.authority)
    }

    func credentials(
        _ role: NodeRole, _ name: String, logger: Logger = LogRecorder().logger
    ) async throws -> ClusterCredentials {
        try await ClusterCredentials(issue(role, name), role: role, name: name, logger: logger)
    }
}
