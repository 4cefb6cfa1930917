import Core
import Ownership
import Placement
import PostgresClient
import Store
import Testing

@Suite("The row of a hand-off, as workers read and write it")
struct ShardMoveQueriesTests {
    private func order(_ desk: RebalanceDesk, _ shard: Int, to: Int, term: Int64? = nil) throws -> ShardMoveQueries.OrderOutcome {
        try ShardMoveQueries.order(
            ShardID(shard), from: desk.workers[shard % 3], at: Epoch(1), to: desk.workers[to - 1], term: term ?? desk.term,
            deadlineMilliseconds: 60_000, on: desk.connection)
    }

    @Test("an order is the row, or why there is none")
    func orders() async throws {
        let desk = try await RebalanceDesk.open()
        #expect(try order(desk, 0, to: 2, term: desk.term + 1) == .termLost)
        let wanted = ShardMove(
            id: MoveID(1), shard: ShardID(0), source: desk.workers[0], target: desk.workers[1], fromEpoch: Epoch(1))
        #expect(try order(desk, 0, to: 2) == .ordered(wanted))
        #expect(try order(desk, 0, to: 3) == .busy(wanted))
        _ = try desk.connection.execute("UPDATE fature_v2.shard SET epoch = 2 WHERE id = 1")
        #expect(try order(desk, 1, to: 3) == .ownerChanged)
        _ = try desk.connection.execute("UPDATE fature_v2.worker_lease SET expires_at = '-infinity' WHERE instance_id = 2")
        #expect(try order(desk, 2, to: 2) == .targetGone)
    }

    @Test("each step answers whether it was applied, and the row as it is then, to the last bit of the checksum")
    func steps() async throws {
        let desk = try await RebalanceDesk.open()
        guard case .ordered(var row) = try order(desk, 0, to: 2) else { throw StoreTestError() }
        let (source, target) = (desk.workers[0], desk.workers[1])
        let (older, seal) = (Seal(finalSequence: 3, checksum: 1), Seal(finalSequence: 5, checksum: .max - 1))
        func step(_ write: MoveWrite, _ by: WorkerInstanceID) throws -> MoveWriteOutcome {
            try ShardMoveQueries.write(row.id, write, by: by, on: desk.connection)
        }
        #expect(try step(.seal(older), source) == .refused(row))
        let steps: [(MoveWrite, WorkerInstanceID, ShardMove.Stage)] = [
            (.ready, target, .ready), (.seal(older), source, .sealed(older)), (.seal(seal), source, .sealed(seal)),
            (.confirm(seal), target, .confirmed(seal)), (.commit, source, .committed(seal, at: 0)),
        ]
        for (write, worker, stage) in steps {
            row.stage = stage
            #expect(try step(write, worker) == .applied(row), "\(write)")
            #expect(try ShardMoveQueries.rows(of: WorkerInstanceID(0), and: [row.id], on: desk.connection).moves == [row])
        }
        #expect(try step(.abort(.operator), source) == .refused(row))
        #expect(try step(.commit, source) == .fenced)
        #expect(try ShardMoveQueries.write(MoveID(99), .ready, by: target, on: desk.connection) == .failed)

        guard case .ordered(var second) = try order(desk, 1, to: 1) else { throw StoreTestError() }
        second.stage = .aborted(.copyLost, warm: false)
        #expect(try ShardMoveQueries.write(second.id, .abort(.copyLost), by: source, on: desk.connection) == .applied(second))
        for reason in AbortReason.allCases {
            guard case .ordered(var third) = try order(desk, 2, to: 1) else { throw StoreTestError() }
            _ = try ShardMoveQueries.write(third.id, .ready, by: source, on: desk.connection)
            third.stage = .aborted(reason, warm: true)
            #expect(try ShardMoveQueries.write(third.id, .abort(reason), by: source, on: desk.connection) == .applied(third))
        }
    }

    @Test("a worker sees the active moves from it and to it, and those it asks for")
    func looks() async throws {
        let desk = try await RebalanceDesk.open()
        for (shard, to) in [(0, 2), (1, 3), (2, 2)] { _ = try order(desk, shard, to: to) }
        func seen(_ worker: Int, _ known: Int64...) throws -> [Int64] {
            try ShardMoveQueries.rows(of: desk.workers[worker - 1], and: known.map { MoveID($0) }, on: desk.connection).moves
                .map(\.id.rawValue)
        }
        #expect(try seen(1) == [1])
        #expect(try seen(2) == [1, 2, 3])
        #expect(try seen(3, 1, 77) == [1, 2, 3])
        _ = try ShardMoveQueries.write(MoveID(2), .abort(.operator), by: desk.workers[1], on: desk.connection)
        #expect(try seen(2) == [1, 3])
        #expect(try seen(2, 2) == [1, 2, 3])
    }

    @Test("a row that makes no sense hides no others; reasons and limits of other versions are read as what they mean")
    func unreadable() async throws {
        let desk = try await RebalanceDesk.open()
        for shard in [0, 3, 6, 9] { _ = try order(desk, shard, to: 2) }
        for constraint in ["shard_move_state_check", "shard_move_sealed_whole"] {
            _ = try desk.connection.execute("ALTER TABLE fature_v2.shard_move DROP CONSTRAINT \(constraint)")
        }
        _ = try desk.connection.execute(
            "UPDATE fature_v2.shard_move SET state = 'elsewhere' WHERE move_id = 1")
        _ = try desk.connection.execute("UPDATE fature_v2.shard_move SET state = 'sealed', final_seq = 7 WHERE move_id = 2")
        _ = try desk.connection.execute("SELECT fature_v2.abort_move(3, 'of another version', null)")
        _ = try desk.connection.execute(
            "UPDATE fature_v2.shard_move SET hold_milliseconds_max = 9223372036854775807 WHERE move_id = 4")
        let rows = try ShardMoveQueries.rows(
            of: desk.workers[0], and: (1...4).map { MoveID($0) }, on: desk.connection)
        #expect(rows.unreadable.map(\.id) == [MoveID(1), MoveID(2)])
        #expect(rows.moves.map(\.id) == [MoveID(3), MoveID(4)])
        #expect(rows.moves.first?.stage == .aborted(.operator, warm: false))
        #expect(rows.moves.last?.limits.writeHoldMax == 3_600_000_000_000)
    }

    @Test("an error says that nothing happened only where that is certain")
    func errors() {
        let outcomes: [(PostgresError, MoveWriteOutcome)] = [
            (PostgresError(.cannotConnect, ""), .failed), (PostgresError(.queueFull, ""), .failed),
            (PostgresError(.connectionLost, ""), .unknown), (PostgresError(.timedOut, ""), .unknown),
            (PostgresError(.server, "", sqlState: "55P03"), .failed), (PostgresError(.server, "", sqlState: "40001"), .failed),
            (PostgresError(.server, "", sqlState: "40003"), .unknown), (PostgresError(.server, "", sqlState: "57P01"), .unknown),
            (PostgresError(.server, ""), .unknown),
        ]
        for (error, outcome) in outcomes { #expect(MoveWriteOutcome(of: error) == outcome, "\(error)") }
        #expect(MoveWriteOutcome(of: CancellationError()) == .unknown)
    }

    private struct StoreTestError: Error {}
}
