import Foundation
import Testing

@testable import ClusterTLS

/// What a process says of its own files, and what it does when they change.
struct CredentialsTests {
    private func complaint(
        _ paths: CredentialPaths, role: NodeRole = .worker, name: String? = "w1"
    ) async -> String? {
        do {
            _ = try await ClusterCredentials(paths, role: role, name: name, logger: LogRecorder().logger)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("files that do not belong together, or to this process, are refused by name")
    func unfit() async throws {
        let test = try TestAuthority()
        let other = try TestAuthority()
        let own = try test.issue(.worker, "w1")
        let second = try test.issue(.worker, "w2")
        #expect(await complaint(own) == nil)
        let wrongKey = CredentialPaths(certificate: own.certificate, key: second.key, authority: own.authority)
        #expect(await complaint(wrongKey)?.contains("w2-key.pem is not the key of") == true)
        #expect(await complaint(second)?.contains("is for w2, and this worker is called w1") == true)
        #expect(await complaint(own, role: .gateway, name: nil)?.contains("is for a worker, and this is a gateway") == true)
        let foreign = CredentialPaths(certificate: own.certificate, key: own.key, authority: other.folder.authority)
        #expect(await complaint(foreign)?.contains("another authority") == true)
        let noAuthority = CredentialPaths(certificate: own.certificate, key: own.key, authority: second.certificate)
        #expect(await complaint(noAuthority)?.contains("no cluster's authority") == true)
        let swapped = CredentialPaths(certificate: own.key, key: own.certificate, authority: own.authority)
        #expect(await complaint(swapped)?.contains("PRIVATE KEY") == true)
        #expect(await complaint(try test.issue(.worker, "w1", from: -2, until: -1))?.contains("has ended") == true)
        #expect(await complaint(try test.issue(.worker, "w1", from: 1, until: 2))?.contains("begins on") == true)
    }

    @Test("beyond loopback a worker wants certificates, and all three files")
    func needed() throws {
        let error = #expect(throws: ClusterTLSError.self) { try CredentialPaths.require(nil, toListenOn: "0.0.0.0") }
        for flag in ["--tls-cert", "--tls-key", "--tls-ca"] { #expect(error?.message.contains(flag) == true) }
        try CredentialPaths.require(nil, toListenOn: "127.0.0.1")
        try CredentialPaths.require(.init(certificate: "a", key: "b", authority: "c"), toListenOn: "0.0.0.0")
        #expect(try CredentialPaths(certificate: nil, key: nil, authority: nil) == nil)
        let partial = #expect(throws: ClusterTLSError.self) {
            try CredentialPaths(certificate: "a", key: nil, authority: nil)
        }
        #expect(partial?.message.contains("--tls-key and --tls-ca missing") == true)
    }

    @Test("new files are taken when they fit, and otherwise the old ones hold")
    func rotation() async throws {
        let test = try TestAuthority()
        let log = LogRecorder()
        let credentials = try await test.credentials(.worker, "w1", logger: log.logger)
        let first = credentials.current.certificate
        await credentials.readAgain()
        #expect(credentials.current.certificate == first && log.lines == [])

        // The certificate is there, its key not yet.
        let paths = credentials.paths
        let key = try CredentialFile.read(paths.key)
        try test.issue(.worker, "w1")
        let newKey = try CredentialFile.read(paths.key)
        try CredentialFile.write(key, to: paths.key, readers: .owner, isReplacing: true)
        await credentials.readAgain()
        await credentials.readAgain()
        #expect(credentials.current.certificate == first)
        #expect(log.lines.count == 1 && log.lines[0].contains("is not the key of"), "\(log.lines)")
        try CredentialFile.write(newKey, to: paths.key, readers: .owner, isReplacing: true)
        await credentials.readAgain()
        #expect(credentials.current.certificate != first)

        // Somebody else's certificate, one that has ended, none at all.
        let second = credentials.current.certificate
        let foreign = try TestAuthority()
        let stranger = try foreign.issue(.worker, "w1")
        try CredentialFile.write(
            CredentialFile.read(stranger.certificate), to: paths.certificate, readers: .everybody, isReplacing: true)
        await credentials.readAgain()
        try test.issue(.worker, "w1", from: -2, until: -1)
        await credentials.readAgain()
        try FileManager.default.removeItem(atPath: paths.certificate)
        await credentials.readAgain()
        #expect(credentials.current.certificate == second)
    }
}
