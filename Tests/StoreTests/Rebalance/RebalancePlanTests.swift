import Core
import Placement
import PostgresClient
import Store
import Testing

@Suite("Plans of rebalances as they are kept")
struct RebalancePlanTests {
    @Test("a plan is kept with its moves in order, and read back; numbers rise")
    func keeps() async throws {
        let desk = try await RebalanceDesk.open()
        let first = try desk.store([(3, 2), (0, 3)], drained: ["w9"])
        let second = try desk.store([])
        #expect(second > first)
        let stored = try #require(try RebalancePlans.find(first, on: desk.connection))
        #expect(stored.state == .planned && stored.drained == ["w9"] && stored.movesTotal == 2 && stored.throttles == nil)
        let moves = try RebalancePlans.moves(of: first, on: desk.connection)
        #expect(moves.map { Int($0.shard.rawValue) } == [3, 0])
        #expect(moves.map(\.to) == [desk.workers[1], desk.workers[2]] && moves.allSatisfy { $0.fromEpoch == Epoch(1) })
        let listed = try RebalancePlans.newest(10, on: desk.connection)
        #expect(listed.map(\.number) == [second, first] && listed.map(\.movesTotal) == [0, 2])
        #expect(listed.map(\.drained) == [[], ["w9"]] && listed.map(\.movesDone) == [0, 0])
        #expect(listed.map(\.plannedAtMicroseconds).last == stored.plannedAtMicroseconds)
        #expect(try RebalancePlans.newest(1, on: desk.connection).map(\.number) == [second])
        #expect(try RebalancePlans.find(99, on: desk.connection) == nil)
        let ofShard = try RebalancePlans.moves(ofShard: ShardID(3), limit: 5, on: desk.connection)
        #expect(ofShard.map(\.plan) == [first])
        #expect(
            try desk.connection.texts(
                "SELECT operation || ' ' || actor FROM fature_v2.audit_log WHERE table_name = 'rebalance_plan'")
                == ["insert tests", "insert tests"])
    }

    @Test("only the newest thousand plans are kept, and the one under way")
    func pruned() async throws {
        let desk = try await RebalanceDesk.open()
        let applied = try desk.store([(0, 2)])
        #expect(try desk.apply(applied) == .applying)
        let old = try desk.store([(1, 3)])
        try desk.connection.executeScript("ALTER SEQUENCE fature_v2.rebalance_plan_plan_id_seq RESTART WITH 1500")
        _ = try desk.store([])
        #expect(try RebalancePlans.find(old, on: desk.connection) == nil)
        #expect(try RebalancePlans.moves(of: old, on: desk.connection).isEmpty)
        #expect(try desk.state(applied) == .applying)
    }

    @Test("a plan is applied once, as the only one; one without moves never")
    func applyOnce() async throws {
        let desk = try await RebalanceDesk.open()
        let (first, second, empty) = (try desk.store([(0, 2)]), try desk.store([(1, 3)]), try desk.store([]))
        #expect(try desk.apply(empty) == .nothingToMove)
        #expect(try desk.apply(77) == .noSuchPlan)
        var throttles = RebalanceThrottles()
        throttles.movesAtOnce = 2
        throttles.p99MicrosecondsMax = 5_000
        #expect(try desk.apply(first, throttles) == .applying)
        #expect(try RebalancePlans.underWay(on: desk.connection)?.throttles == throttles)
        #expect(try desk.apply(second) == .otherActive(first))
        #expect(try desk.apply(first) == .notPlanned(.applying))
        #expect(try RebalancePlans.steer(first, .abort, origin: RebalanceDesk.origin, on: desk.connection) == .done(.aborted))
        #expect(try desk.apply(second) == .applying)
        #expect(try desk.apply(first) == .notPlanned(.aborted))
    }

    @Test("a plan is refused for good when one of its shards has another epoch or owner, or a target is gone or closed")
    func refused() async throws {
        let desk = try await RebalanceDesk.open(workers: 4)
        let plan = try desk.store([(0, 2), (1, 3), (2, 4)])
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET epoch = epoch + 1 WHERE id = 1")
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET owner = $1 WHERE id = 2", [.int(desk.workers[3].rawValue)])
        #expect(try desk.apply(plan) == .refused(changed: [ShardID(1), ShardID(2)], lostTargets: []))
        #expect(try desk.state(plan) == .refused)
        #expect(try desk.apply(plan) == .notPlanned(.refused))

        let other = try desk.store([(4, 3), (5, 4), (8, 2)])
        #expect(try WorkerLeases.release(desk.workers[2], on: desk.connection))
        _ = try WorkerStandings.set("w4", .cordoned, reason: nil, origin: RebalanceDesk.origin, on: desk.connection)
        #expect(try desk.apply(other) == .refused(changed: [], lostTargets: [desk.workers[2], desk.workers[3]]))
        let reason = try #require(try RebalancePlans.find(other, on: desk.connection)).stateReason
        #expect(reason == "targets gone or closed: 3, 4")
        #expect(try desk.connection.number("SELECT count(*) FROM fature_v2.shard_move") == 0)
    }

    @Test("of two applied at the same moment one is applied")
    func race() async throws {
        let desk = try await RebalanceDesk.open()
        let plans = try (0..<6).map { try desk.store([($0, ($0 + 1) % 3 + 1)]) }
        let pool = try PostgresPool(configuration: try desk.database.configuration(), connections: 6, pendingMax: 10)
        let outcomes = try await withThrowingTaskGroup(of: ApplyOutcome.self) { group in
            for plan in plans {
                group.addTask {
                    try await pool.withConnection { try RebalancePlans.apply(plan, origin: RebalanceDesk.origin, on: $0) }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        await pool.shutdown()
        #expect(outcomes.count { $0 == .applying } == 1)
        #expect(outcomes.count { if case .otherActive = $0 { true } else { false } } == 5)
    }

    @Test("a plan that drains a worker makes it draining when it is applied, with an audit row")
    func drains() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2)], drained: ["w1"])
        #expect(try WorkerStandings.all(on: desk.connection).isEmpty)
        #expect(try desk.apply(plan) == .applying)
        let standing = try #require(try WorkerStandings.all(on: desk.connection).first)
        #expect(standing.name == "w1" && standing.standing == .draining && standing.reason == "rebalance plan \(plan)")
        #expect(try OwnershipQueries.workers(on: desk.connection).map(\.standing) == [.draining, .open, .open])
        #expect(try desk.connection.number("SELECT count(*) FROM fature_v2.audit_log WHERE table_name = 'worker_standing'") == 1)
    }

    @Test("pause, resume and abort change the states they may, and nothing else; an aborted plan skips what had not begun")
    func steering() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2), (1, 3)])
        func steer(_ action: RebalanceAction) throws -> SteerOutcome {
            try RebalancePlans.steer(plan, action, reason: "a test", origin: RebalanceDesk.origin, on: desk.connection)
        }
        #expect(try steer(.pause) == .wrongState(.planned))
        #expect(try RebalancePlans.steer(99, .pause, origin: RebalanceDesk.origin, on: desk.connection) == .noSuchPlan)
        #expect(try desk.apply(plan) == .applying)
        #expect(try steer(.resume) == .wrongState(.applying))
        #expect(try steer(.pause) == .done(.paused))
        #expect(try steer(.resume) == .done(.applying))
        guard case .ordered = try desk.advance() else { return #expect(Bool(false), "a move is ordered") }
        #expect(try steer(.abort) == .done(.aborted))
        #expect(try desk.moves(plan) == ["0 moving", "1 skipped"])
        #expect(try steer(.abort) == .wrongState(.aborted))
        let audited = try desk.connection.texts(
            "SELECT new_values ->> 'state' FROM fature_v2.audit_log WHERE table_name = 'rebalance_plan' ORDER BY audit_id")
        #expect(audited == ["planned", "applying", "paused", "applying", "aborted"])
    }

    @Test("a standing is changed once, audited once, and forgotten when it is open again")
    func standings() async throws {
        let desk = try await RebalanceDesk.open()
        func set(_ standing: WorkerStanding) throws -> WorkerStanding {
            try WorkerStandings.set("w2", standing, reason: "a test", origin: RebalanceDesk.origin, on: desk.connection)
        }
        #expect(try set(.cordoned) == .open)
        #expect(try set(.cordoned) == .cordoned)
        #expect(try set(.draining) == .cordoned)
        #expect(try OwnershipQueries.workers(on: desk.connection).map(\.standing) == [.open, .draining, .open])
        #expect(try set(.open) == .draining)
        #expect(try WorkerStandings.all(on: desk.connection).isEmpty)
        #expect(try desk.connection.number("SELECT count(*) FROM fature_v2.audit_log WHERE table_name = 'worker_standing'") == 3)
    }
}
