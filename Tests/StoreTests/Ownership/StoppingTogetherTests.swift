import Core
import PostgresClient
import Store
import TestServers
import Testing

/// Workers that stop at once, and hand-offs that are aborted meanwhile, ask for the same rows: in one order, or they wait for each other until PostgreSQL
/// ends one of them (40P01).
@Suite("Workers that stop together")
struct StoppingTogetherTests {
    private static let patience = Duration.seconds(20)

    private static func order(_ desk: RebalanceDesk, _ shard: Int, to: Int, deadline: Int64 = 60_000) throws {
        let from = shard % 3 + 1
        #expect(try desk.outcome("order_move(\(desk.term), null, \(shard), \(from), 1, \(to), \(deadline))") == "ordered")
    }

    private static func release(_ worker: WorkerInstanceID, _ connection: PostgresConnection) throws {
        #expect(try WorkerLeases.release(worker, on: connection))
    }

    /// Begins `steps` one after the other while `held` moves are somebody else's: each of them takes what it gets, and waits. Then they go on together.
    private static func run(
        _ desk: RebalanceDesk, held: [Int64], _ steps: [@Sendable (PostgresConnection) throws -> Void]
    ) async throws {
        let holder = try desk.database.connect()
        _ = try holder.execute("BEGIN")
        _ = try holder.execute(
            "SELECT 1 FROM fature_v2.shard_move WHERE move_id = ANY ($1::bigint[]) ORDER BY move_id FOR UPDATE",
            [.text("{\(held.map(String.init).joined(separator: ","))}")])
        let pool = try PostgresPool(
            configuration: try desk.database.configuration(), connections: steps.count, pendingMax: steps.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            for (number, step) in steps.enumerated() {
                group.addTask { try await pool.withConnection { try step($0) } }
                let end = ContinuousClock.now + patience
                while try desk.connection.number(waiting) <= Int64(number), ContinuousClock.now < end {}
                #expect(try desk.connection.number(waiting) == Int64(number + 1), "each waits for somebody")
            }
            _ = try holder.execute("COMMIT")
            try await group.waitForAll()
        }
        await pool.shutdown()
    }

    private static func reasons(_ desk: RebalanceDesk) throws -> [String] {
        try desk.connection.texts("SELECT coalesce(abort_reason, state) FROM fature_v2.shard_move ORDER BY move_id")
    }

    @Test("two workers that were to give each other shards stop at once: one waits for the other, and both are gone")
    func both() async throws {
        let desk = try await RebalanceDesk.open()
        // Two cross, and of each worker's own the later one is held.
        try Self.order(desk, 0, to: 2)
        try Self.order(desk, 1, to: 1)
        try Self.order(desk, 3, to: 3)
        try Self.order(desk, 4, to: 3)
        let (first, second) = (desk.workers[0], desk.workers[1])
        try await Self.run(
            desk, held: [3, 4],
            [
                { try Self.release(first, $0) }, { try Self.release(second, $0) },
            ])
        let reasons = try Self.reasons(desk)
        #expect(reasons[0] == "source_lost" || reasons[0] == "target_lost")
        #expect(reasons[1] == "source_lost" || reasons[1] == "target_lost")
        #expect(reasons[2...] == ["source_lost", "source_lost"])
        #expect(try desk.connection.number("SELECT count(*) FROM fature_v2.shard WHERE owner IN (1, 2)") == 0)
    }

    @Test("a worker stops while overdue hand-offs are aborted: one waits for the other, and each has done its part")
    func withOverdue() async throws {
        let desk = try await RebalanceDesk.open()
        // The leaver's own come before and behind one that is to come to it.
        try Self.order(desk, 0, to: 2, deadline: 0)
        try Self.order(desk, 1, to: 3, deadline: 0)
        try Self.order(desk, 4, to: 3)
        let (leaver, term) = (desk.workers[1], desk.term)
        try await Self.run(
            desk, held: [3],
            [
                { try Self.release(leaver, $0) },
                { _ = try RebalanceExecution.abortOverdue(term: term, on: $0) },
            ])
        #expect(try Self.reasons(desk)[2] == "source_lost")
        #expect(try Self.reasons(desk).allSatisfy { $0 != "preparing" })
    }

    @Test(
        "again and again two workers stop at once while what is overdue is aborted: none waits for ever, nothing of them is left")
    func storm() async throws {
        let desk = try await RebalanceDesk.open(workers: 1)
        let (term, connection) = (desk.term, desk.connection)
        let pool = try PostgresPool(configuration: try desk.database.configuration(), connections: 3, pendingMax: 3)
        _ = try WorkerLeases.release(desk.workers[0], on: connection)
        var random = SeededGenerator(seed: 19)
        for round in 0..<40 {
            let workers = try (1...3).map { number in
                try WorkerLeases.register(
                    WorkerRegistration(name: "r\(round)-\(number)", address: "w\(number):7000", capacity: 1, version: "1"),
                    timeToLiveMilliseconds: RebalanceDesk.hour, on: connection)
            }
            let places = (0..<ShardID.count).map { _ in Int.random(in: 0..<3, using: &random) }
            _ = try OwnershipQueries.assign(
                places.enumerated().map { ShardAssignment(shard: ShardID($0.offset), instance: workers[$0.element]) }, term: term,
                on: connection)
            for shard in (0..<ShardID.count).shuffled(using: &random).prefix(48) {
                let (from, to) = (workers[places[shard]], workers[(places[shard] + Int.random(in: 1...2, using: &random)) % 3])
                let epoch = try connection.number("SELECT epoch FROM fature_v2.shard WHERE id = \(shard)")
                let deadline = Bool.random(using: &random) ? 0 : 60_000
                let call = "order_move(\(term), null, \(shard), \(from.rawValue), \(epoch), \(to.rawValue), \(deadline))"
                #expect(try desk.outcome(call) == "ordered")
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for leaver in workers.prefix(2) {
                    group.addTask { try await pool.withConnection { try Self.release(leaver, $0) } }
                }
                group.addTask {
                    try await pool.withConnection { _ = try RebalanceExecution.abortOverdue(term: term, on: $0) }
                }
                try await group.waitForAll()
            }
            let gone = workers.prefix(2).map { String($0.rawValue) }.joined(separator: ",")
            #expect(
                try connection.number(
                    """
                    SELECT count(*) FROM fature_v2.shard_move
                    WHERE state NOT IN ('committed', 'aborted') AND (from_instance IN (\(gone)) OR to_instance IN (\(gone)))
                    """) == 0)
            #expect(try connection.number("SELECT count(*) FROM fature_v2.shard WHERE owner IN (\(gone))") == 0)
            #expect(try WorkerLeases.release(workers[2], on: connection))
        }
        await pool.shutdown()
    }
}
