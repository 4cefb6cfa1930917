import ClusterSupport
import Core
import Foundation
import JobQueue
import PostgresClient
import RedisClient
import TestServers
import Testing

/// One cluster under a flow of transactions, to which something is done; then all of it must add up.
final class LedgerTrial: Sendable {
    let cluster: TestCluster
    let redis: PrivateRedis
    let flow: TransactionFlow
    let affiliates: [Int64]
    /// Whether nobody moves or changes status.
    private let isStill: Bool

    static let gateways = ["gateway-1", "gateway-2"]
    /// A failover, the sweeper's grace, and a slow machine; less than it takes until jobs that nobody took over are taken from the idle.
    private static let paidSecondsMax = 25

    private init(_ cluster: TestCluster, _ redis: PrivateRedis, seed: UInt64, _ settings: TransactionFlow.Settings) throws {
        self.cluster = cluster
        self.redis = redis
        isStill = !settings.statusesChange
        let rows = try cluster.connect().execute(
            "SELECT affiliate_id FROM fature_v2.affiliates_optimized WHERE status = 'active' ORDER BY affiliate_id")
        affiliates = try (0..<rows.rowCount).map { try rows.int($0, 0) }
        flow = TransactionFlow(cluster, gateways: Self.gateways, affiliates: affiliates, seed: seed, settings)
    }

    /// Starts everything, and the flow if it is not to wait.
    ///
    /// - Parameter environment: settings of some of the roles, by their names.
    static func start(
        seed: UInt64, workers: Int = 2, redis: PrivateRedis? = nil, on server: PrivatePostgres? = nil, affiliates: Int = 800,
        environment: [String: [String]] = [:], flows: Bool = true, _ settings: TransactionFlow.Settings = .init()
    ) async throws -> LedgerTrial {
        let queues: PrivateRedis = if let redis { redis } else { try await PrivateRedis.start() }
        let cluster = try await TestCluster.start(
            workers: workers, affiliates: affiliates, seed: seed % 1000 + 1, on: server, redis: queues, environment: environment)
        let trial = try LedgerTrial(cluster, queues, seed: seed, settings)
        if flows { trial.flow.start() }
        return trial
    }

    /// Waits until so many more have been acknowledged.
    func awaitFlow(_ count: Int = 200, seconds: Int = 60) throws {
        let start = flow.acknowledgedCount
        try TestCluster.wait("\(count) more transactions are accepted", seconds: seconds) {
            flow.acknowledgedCount >= start + count
        }
    }

    /// Accepted transactions that wait for their commissions.
    func unpaidCount(_ connection: PostgresConnection) throws -> Int64 {
        try connection.execute(
            "SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead"
        ).int(0, 0)
    }

    /// Waits until everything accepted is paid or dead.
    func awaitPaid(_ connection: PostgresConnection) throws {
        do {
            try TestCluster.wait("all commissions are paid", seconds: Self.paidSecondsMax) { try unpaidCount(connection) == 0 }
        } catch {
            throw TestServerError("\(error): \(try unpaidCount(connection)) are not, of \(flow.acknowledgedCount)")
        }
    }

    /// Ends the flow, waits until all is paid and every queue is empty, and holds it against the oracle.
    ///
    /// - Parameters:
    ///   - others: external ids that were written past the cluster.
    ///   - findings: what `fature reconcile` is to find, by its names: dead letters, where some were provoked.
    func settle(_ what: String, others: Set<String> = [], findings: [String: Int] = [:]) throws {
        #expect(flow.finish() == [])
        let connection = try cluster.connect()
        try awaitPaid(connection)
        try TestCluster.wait("the queues are empty", seconds: 30) { try queued() == 0 }
        let entries = try connection.execute("SELECT count(*), coalesce(sum(amount), 0)::text FROM fature_v2.commissions")
        print("\(what): \(flow.tally.summary); entries \(try entries.int(0, 0)), sum \(try entries.text(0, 1))")
        #expect(flow.acknowledgedCount > 0)
        #expect(try LedgerOracle.problems(connection) == [])
        #expect(try flow.problems(connection, others: others) == [])
        let found = try reconcile()
        #expect(found == findings)
        if isStill { #expect(try LedgerOracle.uplineProblems(connection) == []) }
    }

    private struct Reconciliation: Decodable {
        struct Check: Decodable {
            var check: String
            var count: Int
        }
        var checks: [Check]
    }

    /// What `fature reconcile` finds, and how often.
    func reconcile() throws -> [String: Int] {
        let run = try cluster.run("reconcile", "--json", "--stuck-after-seconds", "0")
        guard run.status <= 1 else { throw TestServerError("fature reconcile ended with \(run.status): \(run.remarks)") }
        let found = try JSONDecoder().decode(Reconciliation.self, from: run.output).checks.filter { $0.count > 0 }
        #expect(run.status == (found.isEmpty ? 0 : 1))
        return Dictionary(uniqueKeysWithValues: found.map { ($0.check, $0.count) })
    }

    /// Jobs in Redis, wherever they are.
    func queued() throws -> Int {
        let queue = JobQueue(.commission, on: try redis.connect())
        return try queue.stats((0..<UInt16(ShardID.count)).map { ShardID(rawValue: $0) })
            .reduce(0) { $0 + $1.waiting + $1.pending + $1.delayed }
    }

    // MARK: Processes

    /// Waits until a role has died by itself.
    func awaitDeath(_ name: String, seconds: Int = 30) throws {
        try TestCluster.wait("\(name) has died at its fail point", seconds: seconds) { !cluster.isRunning(name) }
    }

    /// Waits until a role has stopped by itself.
    func awaitStop(_ name: String, seconds: Int = 30) throws {
        try TestCluster.wait("\(name) has stopped at its fail point", seconds: seconds) { cluster.isStopped(name) }
    }

    /// Waits until a worker owns every shard.
    func awaitOwner(_ name: String, _ connection: PostgresConnection, seconds: Int = 30) throws {
        try TestCluster.wait("\(name) owns all shards", seconds: seconds) {
            try cluster.shards(of: name, connection).count == ShardID.count
        }
    }
}
