import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite("Standbys as they are kept")
struct StandbyTests {
    private func place(_ desk: RebalanceDesk, _ places: [(shard: Int, worker: Int?)]) throws -> StandbyOutcome {
        try StandbyQueries.place(
            places.map { StandbyPlace(shard: ShardID($0.shard), instance: $0.worker.map { desk.workers[$0 - 1] }) },
            term: desk.term, on: desk.connection)
    }

    /// The shards that have a standby, and which worker it is, 1, 2, …
    private func standbys(_ desk: RebalanceDesk) throws -> [Int: Int] {
        let shards = try OwnershipQueries.weighedShards(on: desk.connection)
        let topology = try OwnershipQueries.topology(on: desk.connection)
        #expect(shards.map(\.standby) == topology.shards.map(\.standby))
        return Dictionary(
            uniqueKeysWithValues: shards.compactMap { shard in
                shard.standby.map { (Int(shard.shard.rawValue), (desk.workers.firstIndex(of: $0) ?? -1) + 1) }
            })
    }

    @Test("standbys are placed, changed and taken away under the topology's version; what is so already changes nothing")
    func places() async throws {
        let desk = try await RebalanceDesk.open()
        let version = try OwnershipQueries.topologyVersion(on: desk.connection)
        // Shards 0 and 3 are w1's, 1 is w2's.
        #expect(try place(desk, [(0, 2), (1, 3), (3, 3)]) == .placed(3, topologyVersion: version + 1))
        #expect(try standbys(desk) == [0: 2, 1: 3, 3: 3])
        #expect(try place(desk, [(0, 2)]) == .placed(0, topologyVersion: nil))
        #expect(try place(desk, [(1, 1), (3, nil), (4, nil)]) == .placed(2, topologyVersion: version + 2))
        #expect(try standbys(desk) == [0: 2, 1: 1])
        #expect(try OwnershipQueries.topologyVersion(on: desk.connection) == version + 2)
    }

    @Test("an owner, a worker without a lease and another term place nothing; a shard is named once")
    func refused() async throws {
        let desk = try await RebalanceDesk.open()
        let version = try OwnershipQueries.topologyVersion(on: desk.connection)
        let gone = try WorkerLeases.register(
            WorkerRegistration(name: "w4", address: "w4:7000", capacity: 1, version: "1"), timeToLiveMilliseconds: 0,
            on: desk.connection)
        #expect(try place(desk, [(0, 1)]) == .placed(0, topologyVersion: nil))
        #expect(
            try StandbyQueries.place(
                [StandbyPlace(shard: ShardID(0), instance: gone)], term: desk.term, on: desk.connection)
                == .placed(0, topologyVersion: nil))
        #expect(
            try StandbyQueries.place(
                [StandbyPlace(shard: ShardID(0), instance: desk.workers[1])], term: desk.term + 1, on: desk.connection)
                == .termLost)
        #expect(throws: PostgresError.self) { try place(desk, [(0, 2), (0, 3)]) }
        #expect(try standbys(desk).isEmpty)
        #expect(try OwnershipQueries.topologyVersion(on: desk.connection) == version)
    }

    @Test("a standby that becomes the owner, by a move or by assignment, stands by no more; others stay")
    func becomesOwner() async throws {
        let desk = try await RebalanceDesk.open()
        _ = try place(desk, [(0, 2), (3, 2), (6, 3)])
        let plan = try desk.store([(0, 2), (6, 2)])
        #expect(try desk.apply(plan) == .applying)
        for _ in 0..<2 {
            guard case .ordered(_, let move) = try desk.advance() else { return #expect(Bool(false), "a move is ordered") }
            try desk.handOff(move)
        }
        #expect(try standbys(desk) == [3: 2, 6: 3])
        #expect(try WorkerLeases.release(desk.workers[0], on: desk.connection))
        #expect(
            try OwnershipQueries.assign(
                [ShardAssignment(shard: ShardID(3), instance: desk.workers[1])], term: desk.term, on: desk.connection)
                != .termLost)
        #expect(try standbys(desk) == [6: 3])
    }

    @Test("a worker whose lease is taken away or given back stands by for nothing; the standbys of what it owned stay")
    func leaseGoes() async throws {
        let desk = try await RebalanceDesk.open()
        // w2 and w3 stand by for w1's, w1 for w2's.
        _ = try place(desk, [(0, 2), (3, 3), (1, 1), (4, 3)])
        _ = try desk.connection.execute(
            "UPDATE fature_v2.worker_lease SET expires_at = clock_timestamp() WHERE instance_id = $1",
            [.int(desk.workers[0].rawValue)])
        _ = try OwnershipQueries.releaseDeadWorkers(term: desk.term, on: desk.connection)
        #expect(try standbys(desk) == [0: 2, 3: 3, 4: 3])
        #expect(try WorkerLeases.release(desk.workers[2], on: desk.connection))
        #expect(try standbys(desk) == [0: 2])
    }

    @Test("the targets of moves that were aborted last and of late are known, and whether they had a copy")
    func aborted() async throws {
        let desk = try await RebalanceDesk.open()
        func order(_ shard: Int, to worker: Int) throws -> Int64 {
            let from = desk.workers[shard % 3].rawValue
            return try desk.connection.number(
                """
                SELECT (move).move_id FROM fature_v2.order_move(
                    \(desk.term), NULL, \(shard), \(from), 1, \(desk.workers[worker - 1].rawValue), 60000)
                """)
        }
        func abort(_ move: Int64) throws { #expect(try desk.outcome("abort_move(\(move), 'hold_deadline', NULL)") == "applied") }
        let ready = try order(0, to: 2)
        #expect(try desk.outcome("ready_move(\(ready), \(desk.workers[1].rawValue))") == "applied")
        try abort(ready)
        try abort(try order(1, to: 3))
        // Shard 3 went to w2 in the end, and so nobody has a copy of it that is not the owner's.
        try abort(try order(3, to: 3))
        try desk.handOff(try order(3, to: 2))
        let rows = try StandbyQueries.lastAborted(withinMilliseconds: 60_000, on: desk.connection)
        #expect(rows.map { Int($0.shard.rawValue) } == [0, 1])
        #expect(rows.map(\.isWarm) == [true, false])
        #expect(rows.map(\.target) == [desk.workers[1], desk.workers[2]] && rows[0].source == desk.workers[0])
        #expect(rows.allSatisfy { $0.reason == "hold_deadline" && $0.fromEpoch == Epoch(1) })
        #expect(try StandbyQueries.lastAborted(withinMilliseconds: 0, on: desk.connection).isEmpty)
    }
}
