import ClusterSupport
import Foundation
import TestServers
import Testing

extension ClusterTests {
    /// A cluster whose processes know each other by certificates that `fature cluster` has made.
    @Suite(.serialized) struct CertificateTests {
        /// A cluster's certificates, in a folder of their own.
        private struct Certificates {
            let scratch: ScratchFolder
            var folder: String { scratch.path }

            init(_ cluster: String) throws {
                scratch = try ScratchFolder("certificates")
                try Self.fature("cluster", "init-ca", "--name", cluster, "--out", folder, "--days", "2")
            }

            func issue(_ role: String, _ name: String) throws {
                try Self.fature(
                    "cluster", "issue", "--ca", folder, "--role", role, "--name", name, "--host", "127.0.0.1", "--days", "1",
                    "--out",
                    folder, "--force")
            }

            /// Trusts another's authority beside its own.
            func trust(_ other: Certificates) throws {
                let own = try String(contentsOfFile: "\(folder)/ca.pem", encoding: .utf8)
                let others = try String(contentsOfFile: "\(other.folder)/ca.pem", encoding: .utf8)
                try (own + others).write(toFile: "\(folder)/ca.pem", atomically: true, encoding: .utf8)
            }

            /// A new authority that issues from now on, trusted beside the old one.
            func replaceAuthority() throws {
                let old = try String(contentsOfFile: "\(folder)/ca.pem", encoding: .utf8)
                try Self.fature("cluster", "init-ca", "--name", "prod", "--out", folder, "--days", "2", "--force")
                let new = try String(contentsOfFile: "\(folder)/ca.pem", encoding: .utf8)
                try (new + old).write(toFile: "\(folder)/ca.pem", atomically: true, encoding: .utf8)
            }

            func environment(_ role: String, _ name: String) -> [String] {
                let variable = "FATURE_\(role.uppercased())_TLS"
                return [
                    "\(variable)_CERT=\(folder)/\(name).pem", "\(variable)_KEY=\(folder)/\(name)-key.pem",
                    "\(variable)_CA=\(folder)/ca.pem",
                ]
            }

            private static func fature(_ arguments: String...) throws {
                let run = try CommandRun.fature(arguments, environment: [:])
                guard run.status == 0 else { throw TestServerError("\(arguments): \(run.status)\n\(run.remarks)") }
            }
        }

        @Test("a cluster over TLS answers right; strangers are refused and logged; certificates change without a restart")
        func cluster() async throws {
            let certificates = try Certificates("prod")
            var environment: [String: [String]] = [:]
            for (role, name) in [
                ("worker", "worker-1"), ("worker", "worker-2"), ("gateway", "gateway-1"), ("gateway", "gateway-2"),
            ] {
                try certificates.issue(role, name)
                environment[name] = certificates.environment(role, name)
            }
            let strangers = try Certificates("prod")
            try strangers.issue("gateway", "gateway-3")
            // It believes our workers, so that it is for them to refuse it.
            try strangers.trust(certificates)
            let given = environment
            let cluster = try await TestCluster.start(affiliates: 600, seed: 51, environment: given)
            try await TestCluster.blocking {
                #expect(try cluster.differences() == [])

                // A gateway without certificates, and one by another authority of the same name.
                for (name, cause, environment) in [
                    ("gateway-3", "foreign-authority", strangers.environment("gateway", "gateway-3")),
                    ("gateway-4", "not-tls", []),
                ] {
                    try cluster.startGateway(name, environment: environment)
                    try TestCluster.wait("the workers log \(cause)") {
                        // In plaintext a gateway learns that it is not understood when it asks.
                        let status = try cluster.client(name).get("/api/v2/stats").status
                        #expect(status == 503)
                        return ["worker-1", "worker-2"].allSatisfy { cluster.log($0).contains("\"cause\":\"\(cause)\"") }
                    }
                    if name == "gateway-3" { #expect(cluster.log(name).contains("\"cause\":\"refused-by-peer\"")) }
                    cluster.retire(name)
                }
                #expect(try cluster.differences() == [])

                // New certificates by a new authority; both are trusted meanwhile.
                try certificates.replaceAuthority()
                for name in given.keys.sorted() {
                    try certificates.issue(name.hasPrefix("worker") ? "worker" : "gateway", name)
                    try TestCluster.wait("\(name) takes its new certificate") { cluster.log(name).contains("new certificate") }
                }
                #expect(try cluster.differences() == [])
                // Connections are made anew, with them, when a gateway and a worker start again.
                cluster.kill("gateway-1")
                try cluster.startGateway("gateway-1", environment: given["gateway-1"] ?? [])
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }

        @Test("beyond loopback a worker without certificates, or with others than its own, does not start and says what it wants")
        func refusals() async throws {
            let certificates = try Certificates("prod")
            try certificates.issue("worker", "w2")
            let folder = certificates.folder
            try await TestCluster.blocking {
                func start(_ arguments: String...) throws -> CommandRun {
                    try .fature(
                        ["worker", "--name", "w1", "--listen-host", "0.0.0.0"] + arguments,
                        environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
                }
                let none = try start()
                #expect(none.status == 78 && none.text.contains("--tls-cert, --tls-key and --tls-ca"), "\(none)")
                let some = try start("--tls-cert", "\(folder)/w2.pem")
                #expect(some.status == 78 && some.remarks.contains("--tls-key and --tls-ca missing"), "\(some)")
                let other = try start(
                    "--tls-cert", "\(folder)/w2.pem", "--tls-key", "\(folder)/w2-key.pem", "--tls-ca", "\(folder)/ca.pem")
                #expect(other.status == 66 && other.text.contains("is for w2, and this worker is called w1"), "\(other)")
            }
        }

        @Test("certificates are issued once, inspected, and refused with a status that says why")
        func commands() throws {
            let certificates = try Certificates("prod")
            try certificates.issue("worker", "w1")
            let folder = certificates.folder
            func run(_ arguments: String...) throws -> CommandRun { try .fature(["cluster"] + arguments, environment: [:]) }
            let shown = try run("inspect", "\(folder)/w1.pem", "--ca", "\(folder)/ca.pem", "--json")
            #expect(shown.status == 0, "\(shown.remarks)")
            let object = try #require(JSONSerialization.jsonObject(with: shown.output) as? [String: Any])
            let entry = try #require((object["certificates"] as? [[String: Any]])?.first)
            #expect(entry["name"] as? String == "w1" && entry["role"] as? String == "worker")
            #expect(entry["cluster"] as? String == "prod" && entry["hosts"] as? [String] == ["127.0.0.1"])
            #expect(entry["is_signed_by_authority"] as? Bool == true && entry["is_valid_now"] as? Bool == true)
            let strangers = try Certificates("prod")
            #expect(try run("inspect", "\(folder)/w1.pem", "--ca", "\(strangers.folder)/ca.pem").status == 1)
            #expect(try run("inspect", "\(folder)/w1-key.pem").status == 66)
            #expect(try run("inspect", "\(folder)/nothing.pem").status == 73)
            #expect(try run("init-ca", "--name", "prod", "--out", folder).status == 73)
            #expect(try run("init-ca", "--name", "a/b", "--out", folder).status == 64)
            func issue(_ role: String, _ name: String, _ host: String) throws -> Int32 {
                try run("issue", "--ca", folder, "--role", role, "--name", name, "--host", host, "--out", folder).status
            }
            #expect(try issue("worker", "w1", "h.example") == 73)
            #expect(try issue("admin", "w3", "h.example") == 64)
            #expect(try issue("worker", "w3", "h.example:80") == 64)
            #expect(
                try run("issue", "--ca", "\(folder)/x", "--role", "worker", "--name", "w3", "--host", "h", "--out", folder).status
                    == 73)
        }
    }
}
