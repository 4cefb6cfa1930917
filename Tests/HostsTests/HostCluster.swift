import ClusterSupport
import Foundation
import PostgresClient
import Store
import TestServers

/// A cluster whose every process is on a host of its own, made of network namespaces by `cluster/netns`. All of it is gone with the test process.
final class HostCluster: Sendable {
    let id: String
    private let scratch: ScratchFolder
    private let janitor: WatchingShell
    private let databaseURL: String
    private let redisURL: String
    private let addresses: [String: String]

    static let gatewayPort = 8080
    private static let gateways = ["g1", "g2"]

    /// Why no hosts can be made on this machine, and whether that is for a program that is missing; nil where they can.
    static let obstacle: (words: String, isProgramMissing: Bool)? = {
        do {
            let answer = try ClusterScript.run("netns/netns.sh", ["able", "slow"])
            return answer.status == 0 ? nil : (answer.said, answer.status == 72)
        } catch { return ("\(error)", true) }
    }()

    /// Two coordinators, two workers and two gateways over a small network, ready to be asked.
    static func start(affiliates: Int = 600, seed: UInt64) async throws -> HostCluster {
        try await TestCluster.blocking {
            let cluster = try HostCluster()
            let connection = try cluster.connect()
            try TestNetwork.fill(connection, affiliates: affiliates, seed: seed)
            try cluster.run("start", "c1", "c2", "w1", "w2", "g1", "g2", environment: ["expected_workers": "2"])
            try cluster.run("ready", "60")
            return cluster
        }
    }

    private init() throws {
        let id = String((0..<8).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement() ?? "a" })
        self.id = id
        scratch = try ScratchFolder("hosts")
        janitor = try WatchingShell(
            "trap '' INT TERM HUP; read -r order; \"$1\" down \"$2\"", ["\(ClusterScript.folder)/netns/cluster.sh", id])
        try ClusterScript.need(
            "netns/cluster.sh",
            ["servers", id, "--folder", scratch.path, "--binary", try TestCluster.executable(), "--cable", "--database-tls"])
        let environment = try String(contentsOfFile: "\(scratch.path)/environment", encoding: .utf8)
        func given(_ name: String) throws -> String {
            guard let line = environment.split(separator: "\n").first(where: { $0.hasPrefix("\(name)=") }) else {
                throw TestServerError("the cluster's environment has no \(name)")
            }
            // As the shell reads it.
            return line.dropFirst(name.count + 1).replacingOccurrences(of: "\\", with: "")
        }
        databaseURL = try given("DATABASE_URL")
        redisURL = try given("REDIS_URL")
        addresses = try Dictionary(
            uniqueKeysWithValues: Self.gateways.map { ($0, try ClusterScript.need("netns/netns.sh", ["address", id, $0])) })
    }

    // Before the folder goes.
    deinit { janitor.release() }

    func connect() throws -> PostgresConnection {
        try PostgresConnection(try PostgresConfiguration(url: databaseURL, applicationName: "fature tests"))
    }

    /// A caller on this machine, which has a cable to the switch of the hosts.
    func client(_ gateway: String, timeoutMilliseconds: Int = 10_000) -> HTTPClient {
        HTTPClient(
            host: addresses[gateway] ?? "", port: Self.gatewayPort, timeoutMilliseconds: timeoutMilliseconds)
    }

    func fature(_ arguments: String...) throws -> CommandRun {
        try .fature(arguments, environment: ["DATABASE_URL": databaseURL, "REDIS_URL": redisURL])
    }

    // MARK: Processes and links

    @discardableResult
    func run(_ verb: String, _ arguments: String..., environment: [String: String] = [:]) throws -> String {
        try ClusterScript.need("netns/cluster.sh", [verb, id] + arguments, environment)
    }

    /// What `from` sends to `to` is lost, and with `bothWays` what `to` sends too.
    func cut(_ from: String, _ to: String, bothWays: Bool) throws {
        try ClusterScript.need("netns/netns.sh", ["cut", id, from, to] + (bothWays ? [] : ["--one-way"]))
    }

    func heal() throws { try ClusterScript.need("netns/netns.sh", ["heal", id]) }

    /// All that a host sends and gets takes so much longer each way.
    func slow(_ host: String, milliseconds: Int) throws {
        try ClusterScript.need("netns/netns.sh", ["slow", id, host, "\(milliseconds)"])
    }

    var leader: String { get throws { try run("leader") } }

    /// The worker that owns all of a set of shards, as PostgreSQL has it.
    func shards(of worker: String, _ connection: PostgresConnection) throws -> Set<Int> {
        let result = try connection.execute(
            "SELECT s.id FROM fature_v2.shard s JOIN fature_v2.worker_lease w ON w.instance_id = s.owner WHERE w.name = $1",
            [.text(worker)])
        return Set(try (0..<result.rowCount).map { Int(try result.int($0, 0)) })
    }
}
