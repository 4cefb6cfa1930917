import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct HierarchyWritesTests {
    private func request(
        _ externalID: String, parent: Int64? = nil, id: Int64? = nil, code: String? = nil, shard: Int = 0, epoch: Int64 = 1
    ) -> JoinRequest {
        JoinRequest(
            fence: StoreDatabase.fence(shard, epoch: epoch), parent: parent.map { AffiliateID($0) },
            affiliateID: id.map { AffiliateID($0) }, profile: StoreDatabase.profile(externalID, code: code),
            origin: StoreDatabase.origin)
    }

    @Test("joins as a root and under a sponsor give number, level and sequence, and fill every column")
    func joins() async throws {
        let connection = try await StoreDatabase.create().connect()
        var request = request("a", id: 70, code: "CODE", shard: 9)
        request.profile.email = "a@example.org"
        request.profile.phone = "+55 11"
        request.profile.document = "123"
        request.profile.category = "gold"
        request.status = .suspended
        #expect(try HierarchyWrites.join(request, on: connection) == .joined(AffiliateID(70), level: 1, sequence: 1))
        let under = self.request("b", parent: 70, shard: 9)
        #expect(try HierarchyWrites.join(under, on: connection) == .joined(AffiliateID(71), level: 2, sequence: 2))
        let stored = try connection.texts(
            """
            SELECT concat_ws('|', affiliate_id, parent_affiliate_id, shard_id, external_id, referral_code, name, email, phone, document,
                category, status, extract(epoch FROM registration_date) * 1000000, hierarchy_path, direct_referrals_count,
                total_network_size)
            FROM fature_v2.affiliates_optimized ORDER BY affiliate_id
            """)
        #expect(
            stored == [
                "70|9|a|CODE|Name a|a@example.org|+55 11|123|gold|suspended|1700000000123456.000000|70|1|1",
                "71|70|9|b|Name b|standard|active|1700000000123456.000000|70.71|0|0",
            ])
        try HierarchyOracle.check(connection)
    }

    @Test("every refusal of a join names its reason and writes nothing")
    func joinRefusals() async throws {
        let connection = try await StoreDatabase.create().connect()
        #expect(
            try HierarchyWrites.join(request("one", id: 1, code: "C1", shard: 3), on: connection)
                == .joined(AffiliateID(1), level: 1, sequence: 1))
        let refused: [(JoinRequest, JoinOutcome)] = [
            (request("x", shard: 3, epoch: 2), .fenced),
            (request("x", parent: 1, shard: 3, epoch: 0), .fenced),
            (request("x", parent: 99, shard: 3), .unknownParent),
            (request("x", parent: 1, shard: 4), .parentElsewhere(ShardID(3))),
            (request("x", id: 1, shard: 4), .duplicate(.affiliateID, holder: AffiliateID(1), shard: ShardID(3))),
            (request("one", id: 2, shard: 4), .duplicate(.externalID, holder: AffiliateID(1), shard: ShardID(3))),
            (request("one", shard: 4), .duplicate(.externalID, holder: AffiliateID(1), shard: ShardID(3))),
            (request("x", code: "C1", shard: 4), .duplicate(.referralCode, holder: AffiliateID(1), shard: ShardID(3))),
        ]
        for (request, outcome) in refused { #expect(try HierarchyWrites.join(request, on: connection) == outcome) }
        var foreign = request("x", shard: 3)
        foreign.fence.owner = WorkerInstanceID(2)
        #expect(try HierarchyWrites.join(foreign, on: connection) == .fenced)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.affiliates_optimized") == 1)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.audit_log") == 1)
        try HierarchyOracle.check(connection)
    }

    @Test("a stale epoch writes nothing, by join, status or move")
    func staleEpoch() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(1)
        try connection.join(2, under: 1)
        _ = try connection.execute("UPDATE fature_v2.shard SET epoch = 2 WHERE id = 0")
        let counts = """
            SELECT concat_ws(' ', (SELECT count(*) FROM fature_v2.affiliates_optimized), (SELECT sum(last_seq) FROM fature_v2.shard_sequence),
                (SELECT count(*) FROM fature_v2.hierarchy_change), (SELECT count(*) FROM fature_v2.audit_log),
                (SELECT string_agg(status || hierarchy_path::text, ',' ORDER BY affiliate_id) FROM fature_v2.affiliates_optimized))
            """
        let before = try connection.texts(counts)
        #expect(try HierarchyWrites.join(request("x"), on: connection) == .fenced)
        #expect(try connection.setStatus(1, .banned) == .fenced)
        #expect(try connection.move(2, under: nil) == .fenced)
        #expect(try connection.texts(counts) == before)
    }

    @Test("an owner cannot be replaced between a write's fence and its commit")
    func fenceHolds() async throws {
        let store = try await StoreDatabase.create()
        let worker = try store.connect()
        let coordinator = try store.connect()
        try coordinator.executeScript("SET lock_timeout = '50ms'")
        let takeOver = "UPDATE fature_v2.shard SET epoch = epoch + 1 WHERE id = 0"
        try worker.transaction {
            try worker.join(1)
            let error = #expect(throws: PostgresError.self) { _ = try coordinator.execute(takeOver) }
            #expect(error?.sqlState == "55P03")
        }
        #expect(try coordinator.execute(takeOver).affectedRows == 1)
        #expect(try worker.setStatus(1, .banned) == .fenced)
    }

    @Test("numbers from the sequence stand above all there are, however those came in")
    func sequenceNumbers() async throws {
        let connection = try await StoreDatabase.create().connect()
        func next(_ externalID: String) throws -> Int64? {
            guard case .joined(let id, _, _) = try HierarchyWrites.join(request(externalID), on: connection) else { return nil }
            return id.rawValue
        }
        #expect(try next("a") == 1)
        try connection.join(13_369_082)
        #expect(try next("b") == 13_369_083)
        // One near 2^63 must not use up all numbers.
        try connection.join(.max)
        #expect(try next("c") == 13_369_084)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (affiliate_id, hierarchy_level, shard_id, external_id, name, hierarchy_path)
            VALUES (20000000, 1, 1, 'imported', '', '20000000')
            """)
        #expect(try next("d") == 20_000_001)
    }

    @Test("two joins with one external id, from two shards at once: one joins, the other hears who has it")
    func concurrentDuplicates() async throws {
        let store = try await StoreDatabase.create()
        let pool = try store.pool(connections: 2)
        for round in 0..<20 {
            let outcomes = try await withThrowingTaskGroup(of: JoinOutcome.self) { group in
                for shard in 0..<2 {
                    let request = request("same-\(round)", shard: shard)
                    group.addTask { try await pool.withConnection { try HierarchyWrites.join(request, on: $0) } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let joined = outcomes.compactMap { if case .joined(let id, _, _) = $0 { id } else { nil } }
            let holders = outcomes.compactMap { if case .duplicate(.externalID, let holder, _) = $0 { holder } else { nil } }
            #expect(joined.count == 1 && joined == holders)
        }
        await pool.shutdown()
        try HierarchyOracle.check(try store.connect())
    }

    @Test("a status changes once, and each refusal names its reason")
    func status() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(1, shard: 7)
        #expect(try connection.setStatus(1, .banned, shard: 7) == .changed(from: .active, sequence: 2))
        #expect(try connection.setStatus(1, .banned, shard: 7) == .unchanged)
        #expect(try connection.setStatus(1, .active, shard: 8) == .elsewhere(ShardID(7)))
        #expect(try connection.setStatus(5, .active, shard: 7) == .unknownAffiliate)
        #expect(try connection.texts("SELECT status FROM fature_v2.affiliates_optimized") == ["banned"])
        try HierarchyOracle.check(connection)
    }

    @Test("a move within a shard, to another shard and to a root takes the downline along")
    func moves() async throws {
        let connection = try await StoreDatabase.create().connect()
        // Shard 0: 1 – 2 – 3 – 4, 1 – 5; shard 6: 10 – 11.
        for (id, parent) in [(1, nil), (2, 1), (3, 2), (4, 3), (5, 1)] as [(Int64, Int64?)] {
            try connection.join(id, under: parent)
        }
        try connection.join(10, shard: 6)
        try connection.join(11, under: 10, shard: 6)
        #expect(
            try connection.move(3, under: 5)
                == .moved(
                    .init(
                        sequence: 6, targetShard: ShardID(0), targetSequence: nil, affiliatesMoved: 2, oldParent: AffiliateID(2),
                        level: 3)))
        try HierarchyOracle.check(connection)
        #expect(
            try connection.move(5, under: 11)
                == .moved(
                    .init(
                        sequence: 7, targetShard: ShardID(6), targetSequence: 3, affiliatesMoved: 3, oldParent: AffiliateID(1),
                        level: 3)))
        try HierarchyOracle.check(connection)
        #expect(
            try connection.texts("SELECT hierarchy_path::text FROM fature_v2.affiliates_optimized WHERE affiliate_id = 4") == [
                "10.11.5.3.4"
            ])
        #expect(
            try connection.move(3, under: nil, shard: 6)
                == .moved(
                    .init(
                        sequence: 4, targetShard: ShardID(6), targetSequence: nil, affiliatesMoved: 2, oldParent: AffiliateID(5),
                        level: 1)))
        #expect(
            try connection.move(1, under: 4)
                == .moved(
                    .init(sequence: 8, targetShard: ShardID(6), targetSequence: 5, affiliatesMoved: 2, oldParent: nil, level: 3)))
        try HierarchyOracle.check(connection)
    }

    @Test("every refusal of a move names its reason and writes nothing")
    func moveRefusals() async throws {
        let connection = try await StoreDatabase.create().connect()
        for (id, parent) in [(1, nil), (2, 1), (3, 2)] as [(Int64, Int64?)] { try connection.join(id, under: parent) }
        try connection.join(9, shard: 4)
        #expect(try connection.move(99, under: 1) == .unknownAffiliate)
        #expect(try connection.move(99, under: 98) == .unknownAffiliate)
        #expect(try connection.move(2, under: 98) == .unknownParent)
        #expect(try connection.move(9, under: 1) == .elsewhere(ShardID(4)))
        #expect(try connection.move(9, under: 98) == .elsewhere(ShardID(4)))
        #expect(try connection.move(2, under: 2) == .cycle)
        #expect(try connection.move(1, under: 3) == .cycle)
        #expect(try connection.move(2, under: 1) == .unchanged)
        #expect(try connection.move(1, under: nil) == .unchanged)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.audit_log") == 4)
        try HierarchyOracle.check(connection)
    }

    @Test("nobody gets below the level limit, by join or by move")
    func levelLimit() async throws {
        let connection = try await StoreDatabase.create().connect()
        // A chain of one short of the limit, written at once: 1000 joins would update half a million counters.
        let last = hierarchyLevelMax - 1
        try connection.executeScript(
            """
            INSERT INTO fature_v2.affiliates_optimized (affiliate_id, parent_affiliate_id, hierarchy_level, shard_id, external_id, name,
                hierarchy_path, direct_referrals_count, total_network_size)
            SELECT n, nullif(n - 1, 0), n, 0, 'chain-' || n, '', (SELECT string_agg(m::text, '.' ORDER BY m) FROM generate_series(1, n) AS m)::ltree,
                (n < \(last))::integer, \(last) - n
            FROM generate_series(1, \(last)) AS n;
            INSERT INTO fature_v2.hierarchy_index SELECT a, d, d - a FROM generate_series(1, \(last)) AS a, generate_series(1, \(last)) AS d WHERE a < d;
            SELECT fature_v2.announce_bulk_load('{0}');
            """)
        try connection.join(Int64(hierarchyLevelMax), under: Int64(last))
        let below = request("below", parent: Int64(hierarchyLevelMax))
        #expect(try HierarchyWrites.join(below, on: connection) == .tooDeep)
        try connection.join(5000, shard: 1)
        try connection.join(5001, under: 5000, shard: 1)
        #expect(try connection.move(5001, under: Int64(hierarchyLevelMax), shard: 1) == .tooDeep)
        #expect(try connection.move(5000, under: Int64(hierarchyLevelMax) - 1, shard: 1) == .tooDeep)
        #expect(try connection.move(1, under: 5000) == .tooDeep)
        guard case .moved = try connection.move(5000, under: Int64(hierarchyLevelMax) - 2, shard: 1) else {
            Issue.record("a move to exactly the limit must succeed")
            return
        }
        try HierarchyOracle.check(connection)
    }
}
