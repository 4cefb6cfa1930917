import Core
import Foundation
import LoadPlan
import LoadRecord
import TestServers
import Testing

@testable import LoadEngine

@Suite("Set-up errors", .serialized)
struct SetUpErrorTests {
    private func failure(_ target: LoadTarget) -> LoadSetUpError? {
        do {
            _ = try TestLoad(count: 10).run(target).run()
            return nil
        } catch { return error }
    }

    @Test("targets are read, and what is none is refused with the reason")
    func targets() throws {
        #expect(try LoadTarget("http://gateway:8080") == LoadTarget(host: "gateway", port: 8080))
        #expect(try LoadTarget("gateway") == LoadTarget(host: "gateway", port: 80))
        #expect(try LoadTarget("https://10.0.0.1/") == LoadTarget(host: "10.0.0.1", port: 443, isTLS: true))
        #expect(try LoadTarget("https://[::1]:8443").authority == "[::1]:8443")
        for text in ["ftp://x", "http://", "http://x:0", "http://x:70000", "http://x:y", "http://x/path", "http://[::1", ""] {
            #expect(throws: LoadSetUpError.self, "\(text)") { try LoadTarget(text) }
        }
        #expect(throws: LoadSetUpError.self) { try LoadTarget("http://x", caFile: "ca.pem") }
    }

    @Test("nobody at the address is told by name, before any load")
    func unreachable() throws {
        let server = try NullServer()
        server.stop()
        let told = try #require(failure(server.target))
        #expect(told.code == .unreachable)
        #expect(told.description.contains("http://127.0.0.1:\(server.port)") && told.description.contains("refused"))
    }

    @Test("a host that does not exist is told")
    func unknownHost() throws {
        let told = try #require(failure(LoadTarget(host: "no-such-host.invalid", port: 80)))
        #expect(told.code == .unknownHost && told.description.contains("no-such-host.invalid"))
    }

    @Test("over TLS the load runs when certificate, host and CA fit; each that does not is told")
    func certificates() throws {
        let server = try TLSServer(names: "DNS:localhost,IP:127.0.0.1")
        defer { server.stop() }
        for host in ["localhost", "127.0.0.1"] {
            let target = LoadTarget(host: host, port: server.port, isTLS: true, caFile: server.authority)
            let record = try TestLoad(paths: ["/index.html"], count: 200, rate: 1000, connections: 2).run(target).run()
            #expect(record.outcomes[.ok] == 200 && record.operations[0].bytes == 200 * TLSServer.pageBytes)
        }
        let untrusted = try #require(failure(LoadTarget(host: "localhost", port: server.port, isTLS: true)))
        #expect(untrusted.code == .certificate && untrusted.description.contains("not signed by a CA of the system"))
        let clear = try #require(failure(LoadTarget(host: "localhost", port: server.port)))
        #expect(clear.code == .notHTTP2)
        let null = try NullServer()
        defer { null.stop() }
        let noTLS = try #require(
            failure(LoadTarget(host: "127.0.0.1", port: null.port, isTLS: true, caFile: server.authority)))
        #expect(noTLS.code == .certificate && noTLS.description.contains("TLS"))
        let noFile = try #require(failure(LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: "/no/such.pem")))
        #expect(noFile.code == .certificate && noFile.description.contains("/no/such.pem"))

        let other = try TLSServer(names: "DNS:elsewhere.example")
        defer { other.stop() }
        let wrongHost = try #require(
            failure(LoadTarget(host: "localhost", port: other.port, isTLS: true, caFile: other.authority)))
        #expect(wrongHost.code == .certificate && wrongHost.description.contains("another host than localhost"), "\(wrongHost)")
        let wrongAuthority = try #require(
            failure(LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: other.authority)))
        #expect(
            wrongAuthority.code == .certificate
                && wrongAuthority.description.contains("not signed by the CA in \(other.authority)"))
    }

    @Test("a TLS server without HTTP/2 is told")
    func noHTTP2() throws {
        let server = try TLSServer(names: "DNS:localhost", speaks: .http1)
        defer { server.stop() }
        let told = try #require(
            failure(LoadTarget(host: "localhost", port: server.port, isTLS: true, caFile: server.authority)))
        #expect(told.code == .notHTTP2 && told.description.contains("ALPN"), "\(told)")
    }
}
