import Foundation
import Testing

@testable import LoadEngine

@Suite("The token of agents")
struct AgentTokenTests {
    private func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

    @Test(
        "SHA-256 is what FIPS 180-4 and `sha256sum` say",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ])
    func digest(text: String, expected: String) {
        #expect(hexadecimal(SHA256.digest(Array(text.utf8))) == expected)
    }

    @Test("HMAC-SHA-256 is what RFC 4231 says, with short keys and long ones")
    func authentication() {
        #expect(
            hexadecimal(SHA256.authentication(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hexadecimal(
                SHA256.authentication(
                    of: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                    key: [UInt8](repeating: 0xaa, count: 131)))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("a token is a file's first line, for nobody else to read, and not a short one")
    func file() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func refusal(_ text: String, mode: Int = 0o600) -> String? {
            let path = folder.appendingPathComponent("token").path
            try? FileManager.default.removeItem(atPath: path)
            #expect(
                FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
            do {
                _ = try AgentToken(file: path)
                return nil
            } catch { return error.description }
        }
        #expect(refusal("0123456789abcdef\n") == nil)
        #expect(refusal("0123456789abcdef", mode: 0o640) == nil)
        #expect(refusal("0123456789abcdef", mode: 0o644)?.contains("chmod") == true)
        #expect(refusal("0123456789abcde\nf")?.contains("openssl rand -hex 32") == true)
        #expect(refusal(String(repeating: "x", count: 1025))?.contains("16 to 1024 bytes") == true)
        #expect(refusal("") != nil)
        #expect(throws: LoadSetUpError.self) { try AgentToken(file: folder.path + "/none") }
        #expect(throws: LoadSetUpError.self) { try AgentToken(file: folder.path) }
    }

    @Test("a proof is of one secret, one side and two numbers")
    func proof() throws {
        let token = try AgentToken(Array("0123456789abcdef".utf8))
        let proof = token.proof(of: .agent, agentNonce: "a", controllerNonce: "b")
        #expect(AgentToken.areEqual(proof, token.proof(of: .agent, agentNonce: "a", controllerNonce: "b")))
        let others = [
            try AgentToken(Array("0123456789abcdeg".utf8)).proof(of: .agent, agentNonce: "a", controllerNonce: "b"),
            token.proof(of: .controller, agentNonce: "a", controllerNonce: "b"),
            token.proof(of: .agent, agentNonce: "b", controllerNonce: "a"), "", String(proof.dropLast()),
        ]
        for other in others { #expect(!AgentToken.areEqual(proof, other)) }
        #expect(AgentToken.nonce() != AgentToken.nonce() && AgentToken.nonce().utf8.count == 64)
    }
}
