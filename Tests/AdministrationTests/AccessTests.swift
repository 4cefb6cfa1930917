import Administration
import ClusterTLS
import Foundation
import NIOHTTP1
import TestServers
import Testing

@testable import Coordinator
@testable import fature

@Suite("Who may ask as an operator")
struct AccessTests {
    private let secret = "0123456789abcdef0123456789abcdef"

    @Test("a token is itself and nothing else")
    func tokens() throws {
        let token = try AdministrationToken(secret)
        #expect(token.matches(secret.utf8))
        for other in [
            "", "0", String(secret.dropLast()), secret + "0", secret + secret, secret.uppercased(), "1" + secret.dropFirst(),
        ] {
            #expect(!token.matches(other.utf8), "\(other)")
        }
        for bad in ["", String(secret.dropLast()), secret + " ", secret + "é", String(repeating: "a", count: 513)] {
            #expect(throws: AdministrationFault.self) { try AdministrationToken(bad) }
        }
        #expect(AdministrationToken.shown(in: token.authorization).map { token.matches($0) } == true)
        #expect(AdministrationToken.shown(in: "bearer \(secret)").map { token.matches($0) } == true)
        for header in ["", "Bearer", secret, "Basic \(secret)"] {
            #expect(AdministrationToken.shown(in: header).map { token.matches($0) } != true, "\(header)")
        }
    }

    @Test("a token file that others can read, that is too short or no file is refused with what to do")
    func files() throws {
        let folder = try ScratchFolder("token")
        let path = "\(folder.path)/token"
        func write(_ text: String, _ mode: mode_t) throws {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(chmod(path, mode) == 0)
        }
        func complaint(_ path: String) -> String {
            do throws(AdministrationFault) {
                _ = try AdministrationToken(file: path)
                return ""
            } catch { return error.message }
        }
        for mode: mode_t in [0o600, 0o400] {
            try write(secret + "\nanother line\n", mode)
            #expect(complaint(path) == "")
            #expect(try AdministrationToken(file: path).matches(secret.utf8))
            #expect(chmod(path, 0o600) == 0)
        }
        for mode: mode_t in [0o640, 0o604, 0o660, 0o644] {
            try write(secret + "\n", mode)
            #expect(complaint(path).contains("chmod 600"), "\(mode)")
        }
        try write("short\n", 0o600)
        #expect(complaint(path).contains("openssl rand -hex 32"))
        #expect(complaint("\(folder.path)/nothing").contains("No such file"))
        #expect(complaint(folder.path).contains("no regular file"))
    }

    @Test("addresses and URLs are host and port, and nothing more")
    func addresses() throws {
        #expect(try AdministrationAddress("[::1]:7600").host == "::1")
        #expect(try AdministrationAddress("a.example:0").port == 0)
        for bad in ["", ":1", "a", "a:", "a:65536", "a:-1", "::1:7", "a/b:1", "u@a:1", "a b:1", "[::1]"] {
            #expect(throws: AdministrationFault.self, "\(bad)") { try AdministrationAddress(bad) }
        }
        #expect(try AdministrationURL("HTTPS://a.example:7600/") == AdministrationURL("https://a.example:7600"))
        for bad in ["a:1", "ftp://a:1", "http://a", "http://a:1/x", "http://u:p@a:1", "http://"] {
            #expect(throws: AdministrationFault.self, "\(bad)") { try AdministrationURL(bad) }
        }
    }

    @Test("the token leaves this machine by TLS alone")
    func plaintext() throws {
        let token = try AdministrationToken(secret)
        let paths = CredentialPaths(certificate: "a", key: "b", authority: "c")
        for (url, credentials) in [("http://10.0.0.1:1", nil), ("https://127.0.0.1:1", nil), ("http://127.0.0.1:1", paths)] {
            let error = #expect(throws: AdministrationFault.self, "\(url)") {
                try RemoteAdministration(try AdministrationURL(url), token: token, credentials: credentials)
            }
            #expect(error?.code == .misconfigured)
        }
    }

    @Test("a request's head decides who asks before anything else is looked at")
    func heads() throws {
        let token = try AdministrationToken(secret)
        func code(_ method: HTTPMethod, _ headers: [(String, String)]) -> AdministrationFault.Code? {
            let head = HTTPRequestHead(
                version: .http1_1, method: method, uri: "/admin/v1/workers", headers: HTTPHeaders(headers))
            return OperatorRequest(head, limits: AdministrationLimits(), token: token).fault?.code
        }
        let good = ("authorization", token.authorization)
        #expect(code(.GET, [good]) == nil)
        #expect(code(.GET, []) == .unauthorized)
        #expect(code(.GET, [good, good]) == .unauthorized)
        #expect(code(.GET, [("authorization", "Bearer x")]) == .unauthorized)
        #expect(code(.GET, [good, ("origin", "null")]) == .foreignOrigin)
        #expect(code(.POST, [good]) == .unsupportedMediaType)
        #expect(code(.POST, [good, ("content-type", "text/plain")]) == .unsupportedMediaType)
        #expect(code(.POST, [good, ("content-type", "application/json; charset=utf-8")]) == nil)
        #expect(code(.POST, [good, ("content-type", "application/json"), ("content-length", "65537")]) == .bodyTooLarge)
        #expect(code(.POST, [("content-length", "65537")]) == .unauthorized)
        #expect(code(.GET, [good, ("fature-operator", "maria")]) == nil)
        for name in ["", "ma ria", String(repeating: "a", count: 65), "é"] {
            #expect(code(.GET, [good, ("fature-operator", name)]) == .malformedRequest, "\(name)")
        }
    }

    @Test("refused requests are told of once a second, with how many there were")
    func refusals() {
        var refused = RefusedOperators()
        #expect(refused.take(now: 5) == 0)
        for moment: UInt64 in [6, 7, 1_000_000_004] { #expect(refused.take(now: moment) == nil) }
        #expect(refused.take(now: 1_000_000_005) == 3)
        #expect(refused.take(now: 3_000_000_000) == 0)
    }

    @Test("a coordinator is for operators, and operators for nobody")
    func roles() {
        #expect(NodeRole.coordinator.callers == [.operator] && NodeRole.worker.callers == [.gateway])
        #expect(NodeRole.operator.callers.isEmpty && !NodeRole.operator.listens)
    }
}
