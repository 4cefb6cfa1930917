import ClusterSupport
import Foundation
import PostgresClient
import Store
import TestServers
import Testing

/// `cluster/systemd` and `cluster/containers`, as far as they can be tried without systemd and a container engine. (What systemd says of the units: `TidyTests`.)
@Suite("Units of systemd", .serialized)
struct UnitTests {
    private static let examples = ["cluster.env", "coordinator.env", "worker-w1.env", "gateway-g1.env"]

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(ClusterScript.folder)/\(path)", encoding: .utf8)
    }

    @Test("every variable that the examples and the containers set is a setting")
    func variables() throws {
        let settings = try String(
            contentsOfFile: "\(ClusterScript.folder)/../docs/configuration.md", encoding: .utf8)
        var seen: Set<String> = []
        for path in Self.examples.map({ "systemd/examples/\($0)" }) + ["containers/compose.yaml"] {
            for match in try Self.text(path).matches(of: /\bFATURE_(?:COORDINATOR|WORKER|GATEWAY)_[A-Z_]+/) {
                let name = String(match.output)
                seen.insert(name)
                #expect(settings.contains("`\(name)`"), "\(path): \(name)")
            }
        }
        #expect(seen.count > 10)
    }

    /// A unit's command line, and the variables of its environment files, with what is this machine's in place of the examples' paths and addresses.
    private static func command(_ unit: String, instance: String, folder: String) throws -> [String] {
        let lines = try text("systemd/\(unit)").split(separator: "\n").map {
            $0.replacingOccurrences(of: "%i", with: instance)
        }
        func values(_ key: String) -> [String] {
            lines.filter { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
        }
        var variables: [String] = []
        for file in values("EnvironmentFile") {
            let path = file.drop { $0 == "-" }.replacingOccurrences(of: "/etc/fature", with: folder)
            variables += try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
                .filter { !$0.hasPrefix("#") }
        }
        let line = try #require(values("ExecStart").first).split(separator: " ").map(String.init)
        #expect(line.first == "/usr/local/bin/fature")
        return ["env", "-i"] + variables + [try TestCluster.executable()] + line.dropFirst()
    }

    @Test("each unit's command line starts with what its environment files say and nothing else, and ends when it is told")
    func starts() async throws {
        let server = try await PrivatePostgres.shared()
        let redis = try await PrivateRedis.shared()
        let database = try await TestDatabase.create(on: server)
        try await TestCluster.blocking {
            let connection = try database.connect()
            try Schema.migrate(connection)
            let scratch = try ScratchFolder("units")
            let (workerPort, gatewayPort) = (try ScratchServer.freePort(), try ScratchServer.freePort())
            let values = [
                "DATABASE_URL": database.url, "REDIS_URL": redis.url, "FATURE_COORDINATOR_EXPECTED_WORKERS": "1",
                "FATURE_GATEWAY_LISTEN_HOST": "127.0.0.1", "FATURE_GATEWAY_LISTEN_PORT": "\(gatewayPort)",
                "FATURE_GATEWAY_ADVERTISED_ADDRESS": "127.0.0.1:\(gatewayPort)", "FATURE_WORKER_LISTEN_HOST": "127.0.0.1",
                "FATURE_WORKER_LISTEN_PORT": "\(workerPort)",
            ]
            for example in Self.examples {
                let lines = try Self.text("systemd/examples/\(example)").split(separator: "\n").map { line -> String in
                    let name = String(line.prefix { $0 != "=" })
                    return values[name].map { "\(name)=\($0)" }
                        ?? line.replacingOccurrences(of: "/etc/fature", with: scratch.path)
                }
                try lines.joined(separator: "\n").write(
                    toFile: "\(scratch.path)/\(example)", atomically: true, encoding: .utf8)
            }
            // As cluster/README.md has it.
            func fature(_ arguments: String...) throws {
                let run = try CommandRun.fature(arguments, environment: [:])
                try #require(run.status == 0, "\(run.remarks)")
            }
            try fature("cluster", "init-ca", "--name", "units", "--out", "\(scratch.path)/ca")
            for (role, name) in [("worker", "w1"), ("gateway", "g1")] {
                try fature(
                    "cluster", "issue", "--ca", "\(scratch.path)/ca", "--role", role, "--name", name, "--host", "127.0.0.1",
                    "--out", "\(scratch.path)/tls")
            }

            let units = [
                ("fature-coordinator.service", "coordinator"), ("fature-worker@.service", "w1"),
                ("fature-gateway@.service", "g1"),
            ]
            let roles = try units.map { unit, instance in
                let log = "\(scratch.path)/\(instance).log"
                return (
                    instance, log,
                    try ServerProcess(log: log, command: Self.command(unit, instance: instance, folder: scratch.path))
                )
            }
            let client = HTTPClient(host: "127.0.0.1", port: gatewayPort, timeoutMilliseconds: 2000)
            do {
                try TestCluster.wait("the gateway reaches every shard over TLS", seconds: 60) {
                    if let ended = roles.first(where: { !$0.2.isRunning }) { throw TestServerError("\(ended.0) has ended") }
                    return (try? client.get("/ready").status) == 200
                }
            } catch {
                throw TestServerError("\(error): \(roles.map { "\($0.0): \(ChildProcess.contents($0.1) ?? "")" })")
            }
            let worker = try connection.execute("SELECT name, address FROM fature_v2.worker_lease")
            #expect(try [worker.text(0, 0), worker.text(0, 1)] == ["w1", "127.0.0.1:\(workerPort)"])
            let gateway = try connection.execute("SELECT name, address FROM fature_v2.gateway_lease")
            #expect(try [gateway.text(0, 0), gateway.text(0, 1)] == ["g1", "127.0.0.1:\(gatewayPort)"])
            for (name, log, process) in roles.reversed() {
                kill(process.pid, SIGTERM)
                try TestCluster.wait("\(name) ends") { !process.isRunning }
                #expect(ChildProcess.contents(log)?.contains("\"stopped\"") == true, "\(name)")
            }
        }
    }
}
