import Foundation
import TestServers
import Testing

@testable import ClusterTLS

struct AuthorityTests {
    private func openssl(_ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("OpenSSL finds the certificates well-formed, signed, and for their hosts")
    func independentCheck() throws {
        let test = try TestAuthority("prod")
        let worker = try test.issue(.worker, "w1")
        let gateway = try test.issue(.gateway, "g1")
        let ca = test.folder.authority
        let asServer = try openssl(
            "verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslserver", "-verify_ip", "127.0.0.1", worker.certificate)
        #expect(asServer.status == 0, "\(asServer.output)")
        let asClient = try openssl("verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslclient", gateway.certificate)
        #expect(asClient.status == 0, "\(asClient.output)")
        let wrongWay = try openssl("verify", "-CAfile", ca, "-purpose", "sslserver", gateway.certificate)
        #expect(wrongWay.status != 0, "a gateway's certificate serves as a server's")
        let text = try openssl("x509", "-in", worker.certificate, "-noout", "-text").output
        #expect(text.contains("URI:fature://prod/worker/w1"))
        #expect(text.contains("CA:FALSE"))
        let key = try openssl("pkey", "-in", worker.key, "-noout", "-text")
        #expect(key.status == 0 && key.output.contains("prime256v1"), "\(key.output)")
        // Signed by another authority of the same name.
        let other = try TestAuthority("prod")
        #expect(try openssl("verify", "-CAfile", other.folder.authority, worker.certificate).status != 0)
    }

    @Test("keys are their owner's alone, and nothing that is there is replaced unless asked")
    func files() throws {
        let test = try TestAuthority()
        let paths = try test.issue(.worker, "w1")
        #expect(try mode(test.folder.authorityKey) == 0o600)
        #expect(try mode(paths.key) == 0o600)
        #expect(try mode(paths.certificate) == 0o644)
        let before = try CredentialFile.read(paths.key)
        let again = try test.authority.issue(role: .worker, name: "w1", hosts: [CertificateHost("h.example")], days: 1)
        #expect(throws: ClusterTLSError.self) { try test.folder.write(again, of: test.authority, isReplacing: false) }
        #expect(throws: ClusterTLSError.self) { try test.folder.write(test.authority, isReplacing: false) }
        #expect(try CredentialFile.read(paths.key) == before)
        try test.folder.write(again, of: test.authority, isReplacing: true)
        #expect(try CredentialFile.read(paths.key) == again.keyText)
        #expect(try mode(paths.key) == 0o600)
        let leftovers = try FileManager.default.contentsOfDirectory(atPath: test.folder.path).filter { $0.contains(".new") }
        #expect(leftovers == [])
        // A link is not followed to where it leads.
        try FileManager.default.createSymbolicLink(
            atPath: test.folder.key(of: "w2"), withDestinationPath: "\(test.folder.path)/elsewhere")
        let second = try test.authority.issue(role: .worker, name: "w2", hosts: [CertificateHost("h.example")], days: 1)
        #expect(throws: ClusterTLSError.self) { try test.folder.write(second, of: test.authority, isReplacing: false) }
        #expect(!CredentialFile.exists("\(test.folder.path)/elsewhere"))
    }

    @Test(
        "a process's files never take the place of the authority's, and an authority never that of another",
        arguments: ["ca", "ca-key", "w1-key"])
    func reservedNames(_ name: String) throws {
        let test = try TestAuthority()
        let before = try CredentialFile.read(test.folder.authority)
        let issued = try test.authority.issue(role: .worker, name: name, hosts: [CertificateHost("h.example")], days: 1)
        #expect(throws: ClusterTLSError.self) { try test.folder.write(issued, of: test.authority, isReplacing: true) }
        #expect(try CredentialFile.read(test.folder.authority) == before)
        let other = try TestAuthority()
        let fit = try other.authority.issue(role: .worker, name: "w1", hosts: [CertificateHost("h.example")], days: 1)
        #expect(throws: ClusterTLSError.self) { try test.folder.write(fit, of: other.authority, isReplacing: true) }
        #expect(try CredentialFile.read(test.folder.authority) == before)
    }

    @Test("a certificate ends with its authority at the latest")
    func lifetime() throws {
        let test = try TestAuthority()
        let issued = try test.authority.issue(role: .gateway, name: "g1", hosts: [CertificateHost("h.example")], days: 30)
        #expect(issued.notAfter == test.authority.notAfter)
        #expect(throws: ClusterTLSError.self) {
            try test.authority.issue(role: .gateway, name: "g1", hosts: [CertificateHost("h.example")], days: 0)
        }
        let late = Date().addingTimeInterval(3 * TestAuthority.day)
        #expect(throws: ClusterTLSError.self) {
            try test.authority.issue(role: .gateway, name: "g1", hosts: [CertificateHost("h.example")], days: 1, now: late)
        }
    }

    @Test("an authority is read again, and only with its own key")
    func readAgain() throws {
        let test = try TestAuthority()
        #expect(try test.folder.readAuthority().cluster == "test")
        let other = try TestAuthority()
        try FileManager.default.removeItem(atPath: test.folder.authorityKey)
        try FileManager.default.copyItem(atPath: other.folder.authorityKey, toPath: test.folder.authorityKey)
        #expect(throws: ClusterTLSError.self) { try test.folder.readAuthority() }
        // A process's certificate signs nothing.
        let paths = try other.issue(.worker, "w1")
        #expect(throws: ClusterTLSError.self) {
            try ClusterAuthority(
                certificateText: CredentialFile.read(paths.certificate), keyText: CredentialFile.read(paths.key), file: "f",
                keyFile: "k")
        }
    }

    @Test("any bytes at all in a file end in an error that names it")
    func hostileFiles() throws {
        let test = try TestAuthority()
        let good = try CredentialFile.read(test.issue(.worker, "w1").certificate)
        var texts = ["", "x", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        texts.append(try CredentialFile.read(test.folder.key(of: "w1")))
        // Broken in the middle, at several places.
        for cut in stride(from: 40, to: good.count - 40, by: 37) {
            var characters = Array(good)
            characters[cut] = characters[cut] == "A" ? "B" : "A"
            texts.append(String(characters))
        }
        let genuine = try CertificateText.certificates(good, file: "f")
        for text in texts {
            do {
                // A bit flipped in the signature alone still reads.
                let read = try CertificateText.certificates(text, file: "the-file")
                #expect(read != genuine)
                _ = try CertificateSummary.read(text, file: "the-file")
            } catch {
                #expect(error.message.contains("the-file"))
            }
        }
        #expect(throws: ClusterTLSError.self) { try CredentialFile.read("\(test.folder.path)/nowhere") }
        #expect(throws: ClusterTLSError.self) { try CredentialFile.read("/dev/zero") }
    }
}
