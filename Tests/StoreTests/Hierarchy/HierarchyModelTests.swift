import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct HierarchyModelTests {
    /// What a follower of all shards knows.
    private struct Known: Equatable {
        var parent: AffiliateID?
        var status: AffiliateStatus
        var shard: ShardID
    }

    private static let shards = 4

    @Test(
        "after a thousand random joins, moves and status changes everything equals the recursive oracle",
        arguments: [1, 2, 3, 4] as [UInt64])
    func randomOperations(seed: UInt64) async throws {
        let connection = try await StoreDatabase.create().connect()
        var generator = SeededGenerator(seed: seed)
        var shardOf: [Int64: Int] = [:]
        var refusals = 0
        for step in 1...1000 {
            let someone = Int64.random(in: 1...(Int64(shardOf.count) + 1), using: &generator)
            let other = Int64.random(in: 1...(Int64(shardOf.count) + 1), using: &generator)
            let shard = shardOf[someone] ?? Int.random(in: 0..<Self.shards, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<5:
                // Every other seed grows chains, the rest wide trees.
                let id = Int64(shardOf.count) + 1
                let isRoot = shardOf.isEmpty || Int.random(in: 0..<12, using: &generator) == 0
                let parent =
                    isRoot
                    ? nil : seed.isMultiple(of: 2) ? max(1, id - 1 - Int64(step % 3)) : shardOf[someone] == nil ? 1 : someone
                let home = parent.flatMap { shardOf[$0] } ?? shard
                try connection.join(id, under: parent, shard: home)
                shardOf[id] = home
            case 5..<9:
                let outcome = try connection.move(someone, under: step.isMultiple(of: 15) ? nil : other, shard: shard)
                guard case .moved(let move) = outcome else {
                    refusals += 1
                    break
                }
                if Int(move.targetShard.rawValue) != shard {
                    for (id, now) in try DirectoryQueries.lookup(Array(shardOf.keys).map { AffiliateID($0) }, on: connection) {
                        shardOf[id.rawValue] = Int(now.rawValue)
                    }
                }
            default:
                _ = try connection.setStatus(
                    someone, AffiliateStatus.allCases.randomElement(using: &generator) ?? .active, shard: shard)
            }
            if step.isMultiple(of: 250) { try HierarchyOracle.check(connection) }
        }
        #expect(refusals > 10, "the operations must meet refusals too")
        #expect(try connection.number("SELECT count(*) FROM fature_v2.affiliates_optimized") == Int64(shardOf.count))
    }

    @Test("a follower that applies each change as it comes holds what the tables hold", arguments: [11, 12] as [UInt64])
    func follower(seed: UInt64) async throws {
        let connection = try await StoreDatabase.create().connect()
        var generator = SeededGenerator(seed: seed)
        var known: [AffiliateID: Known] = [:]
        var sequences = [ChangeSequence](repeating: 0, count: ShardID.count)
        for _ in 1...300 {
            let count = Int64(known.count)
            let someone = Int64.random(in: 1...(count + 1), using: &generator)
            let other = Int64.random(in: 1...(count + 1), using: &generator)
            let shard = Int(known[AffiliateID(someone)]?.shard.rawValue ?? UInt16.random(in: 0..<4, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                let parent = known[AffiliateID(someone)] == nil ? nil : someone
                try connection.join(count + 1, under: parent, shard: shard)
            case 2: _ = try connection.move(someone, under: other == someone ? nil : other, shard: shard)
            default:
                _ = try connection.setStatus(
                    someone, AffiliateStatus.allCases.randomElement(using: &generator) ?? .banned, shard: shard)
            }
            try follow(&known, &sequences, connection)
        }
        #expect(known == (try tables(connection)))
        #expect(sequences == (try HierarchyChanges.lastSequences(on: connection)))
        #expect(sequences.filter { $0 > 0 }.count > 1)
    }

    private func follow(
        _ known: inout [AffiliateID: Known], _ sequences: inout [ChangeSequence], _ connection: PostgresConnection
    ) throws {
        let last = try HierarchyChanges.lastSequences(on: connection)
        for number in 0..<ShardID.count where last[number] != sequences[number] {
            guard
                case .changes(let changes) = try HierarchyChanges.changes(
                    ShardID(number), after: sequences[number], on: connection)
            else {
                Issue.record("nothing was pruned")
                return
            }
            for change in changes {
                sequences[number] += 1
                #expect(change.sequence == sequences[number] && change.shard == ShardID(number))
                switch change.kind {
                case .joined(let id, let parent, let status):
                    known[id] = Known(parent: parent, status: status, shard: change.shard)
                case .statusChanged(let id, let status): known[id]?.status = status
                case .moved(let id, let parent, _): known[id]?.parent = parent
                case .movedOut: break
                case .movedIn(let id, _, _, let affiliates):
                    var found: Int64 = 0
                    try HierarchyChanges.subtreeRows(id, on: connection) { record in
                        found += 1
                        let parent = record.parent == 0 ? nil : AffiliateID(record.parent)
                        known[record.id] = Known(parent: parent, status: record.status, shard: record.shard)
                    }
                    #expect(found == affiliates)
                case .reloaded: Issue.record("nothing was loaded in bulk")
                }
            }
        }
    }

    private func tables(_ connection: PostgresConnection) throws -> [AffiliateID: Known] {
        let result = try connection.execute(
            "SELECT affiliate_id, parent_affiliate_id, status, shard_id FROM fature_v2.affiliates_optimized")
        var rows: [AffiliateID: Known] = [:]
        for row in 0..<result.rowCount {
            let status = try #require(AffiliateStatus(name: try result.text(row, 2)))
            rows[AffiliateID(try result.int(row, 0))] = Known(
                parent: try result.optionalInt(row, 1).map { AffiliateID($0) }, status: status,
                shard: ShardID(try result.int(row, 3)))
        }
        return rows
    }
}
