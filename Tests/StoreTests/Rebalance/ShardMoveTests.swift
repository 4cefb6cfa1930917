import Core
import Placement
import PostgresClient
import Store
import Testing

@Suite("The row of a hand-off")
struct ShardMoveTests {
    private func order(_ desk: RebalanceDesk, _ shard: Int, to: Int64, deadline: Int64 = 60_000, term: Int64? = nil) throws
        -> String
    {
        try desk.outcome("order_move(\(term ?? desk.term), null, \(shard), \(shard % 3 + 1), 1, \(to), \(deadline))")
    }

    @Test("a move is ordered of a shard as it is, once, to a worker that lives, by who leads")
    func ordered() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2, term: desk.term + 1) == "term_lost")
        #expect(try order(desk, 0, to: 77) == "target_gone")
        #expect(try desk.outcome("order_move(\(desk.term), null, 0, 1, 2, 2, 1000)") == "owner_changed")
        #expect(try order(desk, 0, to: 2) == "ordered")
        #expect(try order(desk, 0, to: 3) == "busy")
    }

    @Test("each step is taken in its state only, by its worker, with what was sealed last")
    func steps() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2) == "ordered")
        let outcomes = [
            ("seal_move(1, 1, 5, 9)", "not_applied"), ("ready_move(1, 3)", "not_applied"), ("ready_move(1, 2)", "applied"),
            ("ready_move(1, 2)", "not_applied"), ("commit_move(1, 1)", "not_confirmed"), ("seal_move(1, 2, 5, 9)", "not_applied"),
            ("seal_move(1, 1, 5, 9)", "applied"), ("seal_move(1, 1, 5, 8)", "not_applied"), ("seal_move(1, 1, 6, 8)", "applied"),
            ("confirm_move(1, 2, 5, 9)", "not_applied"), ("confirm_move(1, 2, 6, 8)", "applied"),
            ("seal_move(1, 1, 7, 7)", "not_applied"), ("commit_move(1, 2)", "not_confirmed"), ("commit_move(1, 1)", "applied"),
            ("abort_move(1, 'operator', null)", "not_applied"), ("commit_move(1, 1)", "fenced"),
        ]
        for (call, outcome) in outcomes { #expect(try desk.outcome(call) == outcome, "\(call)") }
        let shard = try OwnershipQueries.weighedShards(on: desk.connection)[0]
        #expect(shard.owner == desk.workers[1] && shard.epoch == Epoch(2))
        #expect(try OwnershipQueries.topologyVersion(on: desk.connection) == 2)
    }

    @Test("a commit after the shard has another epoch, or the target has no lease, changes nothing")
    func fenced() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2) == "ordered")
        for call in ["ready_move(1, 2)", "seal_move(1, 1, 5, 9)", "confirm_move(1, 2, 5, 9)"] { _ = try desk.outcome(call) }
        _ = try desk.connection.execute("UPDATE fature_v2.worker_lease SET expires_at = '-infinity' WHERE instance_id = 2")
        #expect(try desk.outcome("commit_move(1, 1)") == "target_gone")
        _ = try desk.connection.execute("UPDATE fature_v2.worker_lease SET expires_at = 'infinity' WHERE instance_id = 2")
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET epoch = 2 WHERE id = 0")
        #expect(try desk.outcome("commit_move(1, 1)") == "fenced")
        #expect(try desk.connection.texts("SELECT state FROM fature_v2.shard_move") == ["confirmed"])
    }

    @Test("a commit that does not get the shard's row soon fails, and nothing has happened")
    func locked() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2) == "ordered")
        for call in ["ready_move(1, 2)", "seal_move(1, 1, 5, 9)", "confirm_move(1, 2, 5, 9)"] { _ = try desk.outcome(call) }
        let writer = try desk.database.connect()
        try writer.transaction {
            _ = try writer.execute("SELECT 1 FROM fature_v2.shard WHERE id = 0 FOR SHARE")
            do {
                _ = try desk.outcome("commit_move(1, 1)")
                Issue.record("the commit went through a fence that was held")
            } catch let error as PostgresError { #expect(error.sqlState == "55P03") }
        }
        #expect(try desk.outcome("commit_move(1, 1)") == "applied")
    }

    @Test("a worker that goes ends the moves from it and to it; an aborted move says in which state it was")
    func lostWorkers() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2) == "ordered")
        #expect(try order(desk, 1, to: 1) == "ordered")
        #expect(try order(desk, 2, to: 2) == "ordered")
        #expect(try desk.outcome("ready_move(2, 1)") == "applied")
        #expect(try WorkerLeases.release(desk.workers[0], on: desk.connection))
        let rows = try desk.connection.texts(
            "SELECT concat_ws(' ', state, aborted_in, abort_reason) FROM fature_v2.shard_move ORDER BY move_id")
        #expect(rows == ["aborted preparing source_lost", "aborted ready target_lost", "preparing"])
        _ = try desk.connection.execute("UPDATE fature_v2.worker_lease SET expires_at = '-infinity' WHERE instance_id = 2")
        _ = try OwnershipQueries.releaseDeadWorkers(term: desk.term, on: desk.connection)
        #expect(
            try desk.connection.texts("SELECT abort_reason FROM fature_v2.shard_move WHERE move_id = 3") == ["target_lost"])
    }

    @Test("gateways see the targets of hand-offs under way, each once, and none of those that ended")
    func targets() async throws {
        let desk = try await RebalanceDesk.open()
        let before = try OwnershipQueries.topologyMark(on: desk.connection)
        #expect(try before.moveTargets.isEmpty && before.version == OwnershipQueries.topologyVersion(on: desk.connection))
        for (shard, target) in [(0, Int64(3)), (1, 3), (2, 2)] { #expect(try order(desk, shard, to: target) == "ordered") }
        let under = try OwnershipQueries.topologyMark(on: desk.connection)
        #expect(under == TopologyMark(version: before.version, moveTargets: [desk.workers[1], desk.workers[2]]))
        for move in [1, 2] { #expect(try desk.outcome("abort_move(\(move), 'operator', null)") == "applied") }
        #expect(try OwnershipQueries.topologyMark(on: desk.connection).moveTargets == [desk.workers[1]])
    }

    @Test("what takes too long is aborted by who leads, and what has ended long ago is forgotten")
    func overdue() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2, deadline: 0) == "ordered")
        #expect(try order(desk, 1, to: 3) == "ordered")
        #expect(try RebalanceExecution.abortOverdue(term: desk.term + 1, on: desk.connection) == nil)
        #expect(try RebalanceExecution.abortOverdue(term: desk.term, on: desk.connection) == [1])
        #expect(try desk.connection.texts("SELECT abort_reason FROM fature_v2.shard_move WHERE move_id = 1") == ["move_deadline"])
        #expect(try RebalanceExecution.prune(olderThanMilliseconds: RebalanceDesk.hour, limit: 10, on: desk.connection) == 0)
        #expect(try RebalanceExecution.prune(olderThanMilliseconds: 0, limit: 10, on: desk.connection) == 1)
    }
}
