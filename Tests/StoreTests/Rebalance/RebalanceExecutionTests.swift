import Core
import Placement
import PostgresClient
import Store
import Testing

@Suite("How a plan of a rebalance is carried out")
struct RebalanceExecutionTests {
    @Test("without a plan there is nothing to do, and another term does nothing")
    func idle() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try desk.advance() == .idle)
        let plan = try desk.store([(0, 2)])
        #expect(try desk.advance() == .idle)
        #expect(try desk.apply(plan) == .applying)
        #expect(
            try RebalanceExecution.advance(term: desk.term + 1, p99Microseconds: nil, on: desk.connection) == .termLost)
        #expect(try desk.moves(plan) == ["0 planned"])
    }

    @Test("moves begin in order under the throttles, and the plan is done when the last has committed")
    func wholePlan() async throws {
        let desk = try await RebalanceDesk.open(workers: 4)
        // Shards 0, 4 and 8 are w1's, 1 is w2's.
        let plan = try desk.store([(0, 2), (4, 3), (8, 4), (1, 4)])
        var throttles = RebalanceThrottles()
        throttles.movesAtOnce = 3
        #expect(try desk.apply(plan, throttles) == .applying)
        var ordered: [Int64] = []
        while case .ordered(plan, let move) = try desk.advance() { ordered.append(move) }
        // Two from w1, and one from w2: w4 takes the place that 8 would have had.
        #expect(try desk.moves(plan) == ["0 moving", "4 moving", "8 planned", "1 moving"])
        let waits = try #require(try RebalancePlans.find(plan, on: desk.connection)).waitsBecause
        #expect(waits == "3 moves are under way")
        for move in ordered { try desk.handOff(move) }
        guard case .ordered(plan, let last) = try desk.advance() else { return #expect(Bool(false), "8 is ordered") }
        #expect(try desk.moves(plan) == ["0 done", "4 done", "8 moving", "1 done"])
        try desk.handOff(last)
        #expect(try desk.advance() == .progressed(plan: plan))
        #expect(try desk.state(plan) == .done)
        #expect(try desk.advance() == .idle)
        let shards = try OwnershipQueries.weighedShards(on: desk.connection)
        #expect([0, 4, 8, 1].map { shards[$0].owner } == [1, 2, 3, 3].map { desk.workers[$0] })
        #expect(shards[0].epoch == Epoch(2))
    }

    @Test("no move begins while the p99 is above its limit, or the plan is paused")
    func throttled() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2)])
        var throttles = RebalanceThrottles()
        throttles.p99MicrosecondsMax = 1_000
        #expect(try desk.apply(plan, throttles) == .applying)
        #expect(try desk.advance(p99: 1_001) == .waiting)
        #expect(
            try RebalancePlans.find(plan, on: desk.connection)?.waitsBecause
                == "the p99 of 1001 µs is above the limit of 1000 µs")
        _ = try RebalancePlans.steer(plan, .pause, origin: RebalanceDesk.origin, on: desk.connection)
        #expect(try desk.advance(p99: 1_000) == .waiting)
        _ = try RebalancePlans.steer(plan, .resume, origin: RebalanceDesk.origin, on: desk.connection)
        guard case .ordered = try desk.advance(p99: 1_000) else { return #expect(Bool(false), "a move is ordered") }
        #expect(try RebalancePlans.find(plan, on: desk.connection)?.waitsBecause == nil)
    }

    @Test("a plan's limits of lag and hold stand in the rows of its hand-offs; one without a plan has the defaults")
    func limits() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2)])
        var throttles = RebalanceThrottles()
        throttles.lagChangesMax = 7
        throttles.holdMillisecondsMax = 90
        #expect(try desk.apply(plan, throttles) == .applying)
        guard case .ordered = try desk.advance() else { return #expect(Bool(false), "a move is ordered") }
        #expect(
            try desk.outcome(
                "order_move(\(desk.term), NULL, 1, \(desk.workers[1].rawValue), 1, \(desk.workers[2].rawValue), 9000)")
                == "ordered")
        #expect(
            try desk.connection.texts(
                "SELECT lag_changes_max || ' ' || hold_milliseconds_max FROM fature_v2.shard_move ORDER BY move_id")
                == ["7 90", "256 1000"])
    }

    @Test("a hand-off aborted for a passing reason is begun three times, another one once; the plan is partial then")
    func failures() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2), (3, 3)])
        #expect(try desk.apply(plan) == .applying)
        var steps = 0
        while try desk.state(plan) == .applying {
            try #require(steps < 30)
            steps += 1
            guard case .ordered(_, let move) = try desk.advance() else { continue }
            let shard = try desk.connection.number("SELECT shard_id FROM fature_v2.shard_move WHERE move_id = \(move)")
            #expect(
                try desk.outcome("abort_move(\(move), '\(shard == 0 ? "hold_deadline" : "checksum_differs")', null)") == "applied"
            )
        }
        #expect(try desk.state(plan) == .partial)
        #expect(try desk.moves(plan) == ["0 failed hold_deadline", "3 failed checksum_differs"])
        #expect(try RebalancePlans.moves(of: plan, on: desk.connection).map(\.attempts) == [3, 1])
        #expect(try desk.connection.number("SELECT count(*) FROM fature_v2.shard_move") == 4)
    }

    @Test(
        "at its turn a move fails whose shard has gone elsewhere, whose target has died or was closed; one that is done is done")
    func overtaken() async throws {
        let desk = try await RebalanceDesk.open(workers: 4)
        let plan = try desk.store([(0, 2), (4, 2), (1, 3), (5, 4)])
        #expect(try desk.apply(plan) == .applying)
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET owner = 4, epoch = 2 WHERE id = 0")
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET owner = 2, epoch = 2 WHERE id = 4")
        _ = try WorkerLeases.release(desk.workers[2], on: desk.connection)
        _ = try WorkerStandings.set("w4", .cordoned, reason: nil, origin: RebalanceDesk.origin, on: desk.connection)
        for _ in 0..<5 { #expect(try desk.advance() == .progressed(plan: plan)) }
        #expect(try desk.moves(plan) == ["0 failed owner_changed", "4 done", "1 failed target_lost", "5 failed target_closed"])
        #expect(try desk.state(plan) == .partial)
    }

    @Test("how a hand-off ends is taken down for an aborted plan too")
    func aborted() async throws {
        let desk = try await RebalanceDesk.open()
        let plan = try desk.store([(0, 2), (1, 3)])
        #expect(try desk.apply(plan) == .applying)
        guard case .ordered(_, let move) = try desk.advance() else { return #expect(Bool(false), "a move is ordered") }
        _ = try RebalancePlans.steer(plan, .abort, origin: RebalanceDesk.origin, on: desk.connection)
        try desk.handOff(move)
        #expect(try desk.advance() == .waiting)
        #expect(try desk.moves(plan) == ["0 done", "1 skipped"])
        #expect(try desk.advance() == .idle)
    }
}
