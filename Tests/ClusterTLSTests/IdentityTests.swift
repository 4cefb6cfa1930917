import Testing

@testable import ClusterTLS

struct IdentityTests {
    @Test("an identity is read from its URI, and from nothing else")
    func uri() throws {
        let identity = try ClusterIdentity(cluster: "prod-1", role: .worker, name: "w1.example_net")
        #expect(identity.uri == "fature://prod-1/worker/w1.example_net")
        #expect(ClusterIdentity(uri: identity.uri) == identity)
        for text in [
            "", "fature://", "fature://prod", "fature://prod/worker", "fature://prod/worker/", "fature://prod/worker/w1/",
            "fature://prod//w1", "fature:///worker/w1", "fature://prod/Worker/w1", "fature://prod/admin/w1",
            "Fature://prod/worker/w1",
            "https://prod/worker/w1", "fature://prod/worker/w1?x", "fature://prod/worker/w1\u{0}", "fature://prod/worker/é",
            " fature://prod/worker/w1", "fature://prod/worker/../w1",
        ] {
            #expect(ClusterIdentity(uri: text) == nil, "\(text)")
        }
    }

    @Test(
        "names that would leave a file, a URI or a log line are refused",
        arguments: ["", ".", "..", "-x", "_x", "a/b", "a b", "a\nb", "ä", "a:b", String(repeating: "a", count: 65)])
    func badNames(_ name: String) {
        #expect(throws: ClusterTLSError.self) { try ClusterIdentity(cluster: "c", role: .gateway, name: name) }
        #expect(throws: ClusterTLSError.self) { try ClusterAuthority.make(cluster: name, days: 1) }
    }

    @Test("hosts are DNS names or addresses")
    func hosts() throws {
        #expect(try CertificateHost("10.0.0.7").description == "10.0.0.7")
        #expect(try CertificateHost("fd00::7").description == "fd00::7")
        #expect(try CertificateHost("W1.example.NET").description == "w1.example.net")
        for text in ["", "10.0.0", "10.0.0.256", "[::1]", "a..b", "-a.b", "a b", "host:80", "*.example.net", "10.0.0.7/24"] {
            #expect(throws: ClusterTLSError.self, "\(text)") { try CertificateHost(text) }
        }
    }

    @Test("loopback is 127.0.0.0/8, ::1 and localhost, and no other way to write an address")
    func loopback() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"] {
            #expect(LoopbackHost.contains(host), "\(host)")
        }
        for host in ["0.0.0.0", "::", "10.0.0.7", "128.0.0.1", "localhost.example.net", "127.1", "", "::2", "::ffff:10.0.0.1"] {
            #expect(!LoopbackHost.contains(host), "\(host)")
        }
    }
}
