import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct HierarchyChangesTests {
    @Test("changes come in pages without gaps, and a follower behind the kept ones must load again")
    func pagesAndPruning() async throws {
        let connection = try await StoreDatabase.create().connect()
        for id in 1...10 as ClosedRange<Int64> { try connection.join(id, shard: 5) }
        let shard = ShardID(5)
        var collected: [ChangeSequence] = []
        while case .changes(let page) = try HierarchyChanges.changes(shard, after: collected.last ?? 0, limit: 3, on: connection),
            !page.isEmpty
        {
            collected += page.map(\.sequence)
        }
        #expect(collected == Array(1...10))
        #expect(try HierarchyChanges.changes(shard, after: 10, on: connection) == .changes([]))
        #expect(try HierarchyChanges.changes(shard, after: 11, on: connection) == .reloadNeeded)
        #expect(try HierarchyChanges.changes(ShardID(6), after: 0, on: connection) == .changes([]))

        #expect(try HierarchyChanges.prune(olderThanMilliseconds: 3_600_000, on: connection) == 0)
        #expect(try HierarchyChanges.prune(olderThanMilliseconds: 0, limit: 4, on: connection) == 4)
        #expect(try HierarchyChanges.changes(shard, after: 3, on: connection) == .reloadNeeded)
        #expect(try HierarchyChanges.changes(shard, after: .max, on: connection) == .reloadNeeded)
        guard case .changes(let rest) = try HierarchyChanges.changes(shard, after: 4, on: connection) else {
            Issue.record("change 5 is still kept")
            return
        }
        #expect(rest.map(\.sequence) == Array(5...10))
        #expect(try HierarchyChanges.prune(olderThanMilliseconds: 0, on: connection) == 6)
        #expect(try HierarchyChanges.changes(shard, after: 9, on: connection) == .reloadNeeded)
        #expect(try HierarchyChanges.changes(shard, after: 10, on: connection) == .changes([]))
        #expect(throws: StoreError.self) { try HierarchyChanges.changes(shard, after: 0, limit: 0, on: connection) }
    }

    @Test("rows are found by id, a subtree comes sponsors first, and what nobody has is left out")
    func rows() async throws {
        let connection = try await StoreDatabase.create().connect()
        for (id, parent) in [(1, nil), (5, 1), (2, 5), (3, 2), (9, 1)] as [(Int64, Int64?)] {
            try connection.join(id, under: parent)
        }
        var found: Set<Int64> = []
        #expect(
            try HierarchyChanges.rows(of: [3, 77, 9].map { AffiliateID($0) }, on: connection) { found.insert($0.id.rawValue) }
                == 2)
        #expect(found == [3, 9])
        var order: [Int64] = []
        #expect(try HierarchyChanges.subtreeRows(AffiliateID(5), on: connection) { order.append($0.id.rawValue) } == 3)
        #expect(order == [5, 2, 3])
        #expect(try HierarchyChanges.subtreeRows(AffiliateID(77), on: connection) { _ in } == 0)
        #expect(try HierarchyChanges.rows(of: [], on: connection) { _ in } == 0)
        let tooMany = (1...Int64(HierarchyChanges.rowsMax) + 1).map { AffiliateID($0) }
        #expect(throws: StoreError.self) { try HierarchyChanges.rows(of: tooMany, on: connection) { _ in } }
    }

    @Test("a bulk load is announced to every shard it touched and counts them anew")
    func bulkLoad() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(1, shard: 2)
        try connection.transaction {
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.affiliates_optimized (affiliate_id, hierarchy_level, shard_id, external_id, name, hierarchy_path)
                SELECT n, 1, 2 + n % 2, 'bulk' || n, '', n::text::ltree FROM generate_series(100, 109) AS n
                """)
            #expect(try HierarchyChanges.announceBulkLoad([3, 2].map { ShardID($0) }, on: connection) == 11)
        }
        let change = HierarchyChange(shard: ShardID(2), sequence: 2, kind: .reloaded)
        #expect(try HierarchyChanges.changes(ShardID(2), after: 1, on: connection) == .changes([change]))
        try HierarchyOracle.check(connection)
    }
}
