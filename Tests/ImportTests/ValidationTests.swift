import Dataset
import PostgresClient
import TestServers
import Testing

@testable import Store

@Suite("Validation")
struct ValidationTests {
    /// 1 > 2 > 3 > 4, 1 > 5, and root 10 > 11; V1 the same.
    private func bench() async throws -> ImportBench {
        let bench = try await ImportBench()
        try bench.load(["1", "2<1", "3<2", "4<3", "5<1", "10", "11<10"])
        try bench.connection.executeScript(
            """
            \(V1Schema.createTable);
            INSERT INTO public.affiliates (affiliate_id, parent_affiliate_id, external_id, name, level_1_referrals)
            SELECT affiliate_id, parent_affiliate_id, external_id, name, direct_referrals_count FROM fature_v2.affiliates_optimized
            """)
        #expect(try bench.damage() == [], "clean before the damage")
        return bench
    }

    @Test(
        "each kind of planted damage is found by its own check, and by no other that it does not concern",
        arguments: [
            (
                .orphans, "DELETE FROM A WHERE affiliate_id = 3",
                [
                    .directCounterMismatches, .networkCounterMismatches, .levelInconsistencies,
                    .invalidPaths, .invalidIndexRows, .surplusIndexRows, .shardCountMismatches, .v1Missing, .v1Top10,
                ]
            ),
            (
                .cycles, "UPDATE A SET parent_affiliate_id = 4 WHERE affiliate_id = 2",
                [
                    .directCounterMismatches, .networkCounterMismatches,
                    .surplusIndexRows, .v1Links,
                ]
            ),
            (.levelInconsistencies, "UPDATE A SET hierarchy_level = 7 WHERE affiliate_id = 4", []),
            (.invalidPaths, "UPDATE A SET hierarchy_path = '1.3.2.4' WHERE affiliate_id = 4", []),
            (.directCounterMismatches, "UPDATE A SET direct_referrals_count = 1 WHERE affiliate_id = 5", [.v1Top10]),
            (.networkCounterMismatches, "UPDATE A SET total_network_size = 3 WHERE affiliate_id = 1", []),
            (.duplicateIndexRows, "ALTER TABLE I DROP CONSTRAINT hierarchy_index_pkey; INSERT INTO I VALUES (1, 2, 1)", []),
            (.invalidIndexRows, "INSERT INTO I VALUES (1, 999, 1)", []),
            (.missingIndexRows, "DELETE FROM I WHERE ancestor_id = 1 AND descendant_id = 3", []),
            (.wrongDistanceIndexRows, "UPDATE I SET level_distance = 2 WHERE ancestor_id = 1 AND descendant_id = 4", []),
            (.surplusIndexRows, "INSERT INTO I VALUES (10, 5, 1)", []),
            (.shardMismatches, "UPDATE A SET shard_id = 200 WHERE affiliate_id = 11", [.shardCountMismatches]),
            (.shardCountMismatches, "UPDATE fature_v2.shard_sequence SET affiliates_count = 9 WHERE shard_id = 77", []),
            (.v1Missing, "INSERT INTO public.affiliates (affiliate_id, external_id, name) VALUES (600, 'X', 'N')", [.v1Top10]),
            (.v1Links, "UPDATE public.affiliates SET parent_affiliate_id = 10 WHERE affiliate_id = 5", []),
            (.v1Status, "UPDATE public.affiliates SET status = 'banned' WHERE affiliate_id = 4", []),
            (.v1ExternalID, "UPDATE public.affiliates SET external_id = 'other' WHERE affiliate_id = 4", []),
            (.shardCountMismatches, "DELETE FROM fature_v2.shard WHERE id = 255", []),
            (.shardCountMismatches, "DELETE FROM fature_v2.shard_sequence WHERE shard_id = 255", []),
            (.v1Top10, "UPDATE public.affiliates SET level_1_referrals = 3 WHERE affiliate_id = 1", []),
        ] as [(HierarchyCheck, String, Set<HierarchyCheck>)])
    func planted(check: HierarchyCheck, sql: String, others: Set<HierarchyCheck>) async throws {
        let bench = try await bench()
        try bench.connection.executeScript(
            sql.replacing("A ", with: "fature_v2.affiliates_optimized ", maxReplacements: sql.hasPrefix("ALTER") ? 0 : 1)
                .replacing(" I ", with: " fature_v2.hierarchy_index "))
        let damage = try bench.damage()
        #expect(damage.contains(check))
        #expect(damage.subtracting(others) == [check])
        let finding = try #require(try bench.validation()[check])
        #expect(finding.count > 0)
        #expect(!finding.examples.isEmpty)
    }

    @Test("without V1 the comparisons are left out, and an empty hierarchy is clean")
    func withoutV1() async throws {
        let bench = try await ImportBench()
        let empty = try HierarchyValidator(bench.connection).validate()
        #expect(empty.isClean)
        #expect(empty.v1Affiliates == nil)
        #expect(empty.findings.allSatisfy { !$0.check.needsV1 })
        let other = try await self.bench()
        try other.connection.executeScript("UPDATE public.affiliates SET parent_affiliate_id = 10 WHERE affiliate_id = 5")
        #expect(try HierarchyValidator(other.connection).validate().isClean)
    }

    @Test("V1 in another database is compared with, and one without level_1_referrals by its links")
    func otherV1() async throws {
        let bench = try await bench()
        let elsewhere = try await TestDatabase.create()
        let v1 = try elsewhere.connect()
        try v1.executeScript(
            """
            \(V1Schema.createTable);
            ALTER TABLE public.affiliates DROP level_1_referrals;
            INSERT INTO public.affiliates (affiliate_id, parent_affiliate_id, external_id, name)
            SELECT v.id, v.parent, 'E' || v.id, 'N' FROM (
                VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, 1), (10, NULL), (11, 10)) AS v (id, parent)
            """)
        let report = try HierarchyValidator(bench.connection, v1: v1).validate()
        #expect(report.isClean)
        #expect(report.v1Affiliates == 7)
        #expect(report.v1Links == 5)
        try v1.executeScript("UPDATE public.affiliates SET parent_affiliate_id = 1 WHERE affiliate_id = 11")
        let wrong = try HierarchyValidator(bench.connection, v1: v1).validate().findings.filter { $0.count > 0 }.map(\.check)
        #expect(Set(wrong) == [.v1Links, .v1Top10])
    }

    @Test("a whole network below a planted cycle is counted without walking in circles for each of them")
    func largeCycle() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .star, affiliates: 20_000, seed: 1), to: bench.connection, replace: false)
        try bench.migrate(batch: 20_000)
        try bench.connection.executeScript(
            "UPDATE fature_v2.affiliates_optimized SET parent_affiliate_id = 2 WHERE affiliate_id = 1")
        #expect(try bench.validation()[.cycles]?.count == 20_000)
    }
}
