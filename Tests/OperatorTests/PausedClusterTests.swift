import ClusterSupport
import Core
import Foundation
import JobQueue
import PostgresClient
import TestServers
import Testing

/// The commands beside a worker that pays.
@Suite("operators beside a running cluster", .serialized)
struct PausedClusterTests {
    @Test(
        "a paused queue pays nothing, also after Redis has lost the pause; resumed and drained, the ledger has zero differences")
    func pause() async throws {
        let redis = try await PrivateRedis.start()
        let cluster = try await TestCluster.start(workers: 1, gateways: 1, affiliates: 300, redis: redis)
        let scratch = try ScratchFolder("operator")
        let desk = OperatorDesk(database: cluster.database, redis: redis, scratch: scratch)
        #expect(try await desk.fature(["queue", "pause", "--reason", "a test"]).status == 0)
        #expect(try redis.connect().command("FLUSHALL") == .status("OK"))
        try await heard(desk, isPaused: true)

        // As another program writes them.
        _ = try cluster.connect().execute(
            """
            INSERT INTO fature_v2.transactions (affiliate_id, transaction_type, amount, external_transaction_id)
            SELECT affiliate_id, 'deposit', 100, 'e' || affiliate_id FROM fature_v2.affiliates_optimized ORDER BY affiliate_id LIMIT 200
            """)
        let unpaid = "SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed"
        try await until("the jobs") { try desk.queue().stats(Self.shards).map(\.waiting).reduce(0, +) == 200 }
        #expect(try desk.texts(unpaid) == ["200"])
        let paused = try await desk.fature("queue drain --timeout-seconds 1")
        #expect(paused.status == 1, "\(paused.all)")

        #expect(try await desk.fature("queue resume").status == 0)
        let drained = try await desk.fature("queue drain --timeout-seconds 60")
        #expect(drained.status == 0, "\(drained.all)")
        #expect(try desk.texts(unpaid) == ["0"])
        let clean = try await desk.fature("reconcile --stuck-after-seconds 0")
        #expect(clean.status == 0 && clean.output.contains("200 transactions: 200 processed"), "\(clean.all)")
    }

    @Test("a plan that is applied pays what is dated from its moment on, and the one before it what is dated before")
    func plan() async throws {
        let redis = try await PrivateRedis.start()
        let cluster = try await TestCluster.start(workers: 1, gateways: 1, affiliates: 300, redis: redis)
        let scratch = try ScratchFolder("operator")
        let desk = OperatorDesk(database: cluster.database, redis: redis, scratch: scratch)
        let file = try desk.file("half.yaml", "name: half\npercentage:\n  deposit: [0.5%]\n")
        let applied = try await desk.fature(["plan", "apply", file])
        #expect(applied.status == 0, "\(applied.all)")
        let connection = try cluster.connect()
        // As if it had been applied ten seconds ago.
        _ = try connection.execute(
            """
            WITH moment AS (SELECT date_trunc('second', now()) AS at)
            UPDATE fature_v2.commission_plan SET effective_from = m.at,
                definition = jsonb_set(definition, '{effective_from}', to_jsonb(to_char(m.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
            FROM moment m WHERE version = 2
            """)
        _ = try connection.execute("UPDATE fature_v2.programme SET plan_revision = plan_revision + 1")
        let from = "(SELECT max(effective_from) FROM fature_v2.commission_plan)"
        for (name, date) in [("before", "\(from) - interval '1 microsecond'"), ("after", from)] {
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.transactions (affiliate_id, transaction_type, amount, external_transaction_id, transaction_date)
                SELECT affiliate_id, 'deposit', 100, $1 || affiliate_id, \(date) FROM fature_v2.affiliates_optimized
                WHERE hierarchy_level > 1 ORDER BY affiliate_id LIMIT 20
                """, [.text(name)])
        }
        let drained = try await desk.fature("queue drain --timeout-seconds 60")
        #expect(drained.status == 0, "\(drained.all)")
        let paid = try desk.texts(
            """
            SELECT regexp_replace(t.external_transaction_id, '\\d', '', 'g'), c.plan_version, max(c.rate)
            FROM fature_v2.transactions t JOIN fature_v2.commissions c USING (transaction_id) GROUP BY 1, 2 ORDER BY 2
            """)
        #expect(paid == ["before 1 0.0500", "after 2 0.0050"])
        #expect(try await desk.fature("reconcile").status == 0)
    }

    private static let shards = (0..<ShardID.count).map { ShardID($0) }

    private func heard(_ desk: OperatorDesk, isPaused: Bool) async throws {
        try await until("the word about the pause") {
            try desk.queue().stats(Self.shards).allSatisfy { ($0.pause != nil) == isPaused }
        }
    }

    private func until(_ what: String, secondsMax: Double = 30, _ isTrue: () throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(secondsMax)
        while try !isTrue() {
            try #require(ContinuousClock.now < end, "\(what) did not come within \(secondsMax) s")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
