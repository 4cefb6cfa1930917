import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct ConcurrentMovesTests {
    /// A move as a worker makes it that looks the shard up first.
    private static func move(_ id: Int64, under parent: Int64?, _ connection: PostgresConnection) throws -> MoveOutcome {
        guard let found = try DirectoryQueries.lookup([AffiliateID(id)], on: connection).first else { return .unknownAffiliate }
        return try connection.move(id, under: parent, shard: Int(found.shard.rawValue))
    }

    @Test("two roots of two shards moved under each other at once: one moves, the other is a cycle")
    func mutualMoves() async throws {
        let store = try await StoreDatabase.create()
        let connection = try store.connect()
        let pool = try store.pool(connections: 2)
        for round in 0..<30 {
            let (a, b) = (Int64(round * 2 + 1), Int64(round * 2 + 2))
            try connection.join(a, shard: 1)
            try connection.join(b, shard: 2)
            let outcomes = try await withThrowingTaskGroup(of: MoveOutcome.self) { group in
                group.addTask { try await pool.withConnection { try $0.move(a, under: b, shard: 1) } }
                group.addTask { try await pool.withConnection { try $0.move(b, under: a, shard: 2) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { if case .moved = $0 { true } else { false } }.count == 1)
            #expect(outcomes.filter { $0 == .cycle }.count == 1)
        }
        await pool.shutdown()
        try HierarchyOracle.check(connection)
    }

    @Test("a move waits for the sponsor's own move to another shard and follows it there")
    func followsTheSponsor() async throws {
        let store = try await StoreDatabase.create()
        let first = try store.connect()
        let pool = try store.pool(connections: 1)
        for (id, shard) in [(1, 1), (2, 2), (3, 3)] as [(Int64, Int)] { try first.join(id, shard: shard) }
        // 2 goes from shard 2 to 3 in an open transaction; meanwhile 1 wants under 2 and waits for shard 2's lock.
        _ = try first.execute("BEGIN")
        guard case .moved = try first.move(2, under: 3, shard: 2) else {
            Issue.record("the first move must succeed")
            return
        }
        async let waiting = pool.withConnection { try $0.move(1, under: 2, shard: 1) }
        // On a session of its own: within a transaction pg_stat_activity stands still.
        let observer = try store.connect()
        let end = ContinuousClock.now + .seconds(20)
        let waiters = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while try observer.number(waiters) == 0, ContinuousClock.now < end {}
        #expect(try observer.number(waiters) == 1)
        _ = try first.execute("COMMIT")
        let outcome = try await waiting
        #expect(
            outcome
                == .moved(
                    .init(sequence: 2, targetShard: ShardID(3), targetSequence: 3, affiliatesMoved: 1, oldParent: nil, level: 3)))
        await pool.shutdown()
        try HierarchyOracle.check(first)
    }

    @Test("moves and joins from four connections over four shards make no cycle and no deadlock", arguments: [1, 2] as [UInt64])
    func storm(seed: UInt64) async throws {
        let store = try await StoreDatabase.create()
        let connection = try store.connect()
        for id in 1...24 as ClosedRange<Int64> { try connection.join(id, shard: Int(id % 4)) }
        let pool = try store.pool(connections: 4)
        // A deadlock or a failed serialization would come out here as an error.
        let moved = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<4 as Range<Int64> {
                group.addTask {
                    try await pool.withConnection { connection in
                        var generator = SeededGenerator(seed: seed &* 100 &+ UInt64(worker))
                        var moved = 0
                        for step in 0..<150 as Range<Int64> {
                            let id = Int64.random(in: 1...24, using: &generator)
                            let parent = Int64.random(in: 1...24, using: &generator)
                            let isMove = step % 5 != 0
                            let outcome = isMove ? try Self.move(id, under: step % 7 == 0 ? nil : parent, connection) : .unchanged
                            if case .moved = outcome { moved += 1 }
                            guard !isMove else { continue }
                            let shard = try DirectoryQueries.lookup([AffiliateID(parent)], on: connection).first?.shard
                            let new = 1000 + worker * 1000 + step
                            let request = JoinRequest(
                                fence: StoreDatabase.fence(Int(shard?.rawValue ?? 0)), parent: AffiliateID(parent),
                                affiliateID: AffiliateID(new),
                                profile: StoreDatabase.profile("new-\(new)"), origin: StoreDatabase.origin)
                            _ = try HierarchyWrites.join(request, on: connection)
                        }
                        return moved
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        await pool.shutdown()
        #expect(moved > 100)
        try HierarchyOracle.check(connection)
    }
}
