import Dataset
import Foundation
import PostgresClient
import Testing

@testable import Store

@Suite("Imports")
struct ImportTests {
    @Test("rows come in any order, children before parents, and the result is whole")
    func anyOrder() async throws {
        let bench = try await ImportBench()
        let summary = try bench.load(["4<3", "3<2", "2<1", "1", "6<5", "5"], batch: 2)
        #expect(summary.imported == 6)
        #expect(summary.roots == 2)
        #expect(summary.pairs == 7)
        #expect(summary.levels == 4)
        #expect(summary.rejected == 0)
        #expect(summary.batches >= 3)
        #expect(
            try bench.column("SELECT hierarchy_path::text FROM fature_v2.affiliates_optimized ORDER BY affiliate_id") == [
                "1", "1.2", "1.2.3", "1.2.3.4", "5", "5.6",
            ])
        #expect(try bench.damage() == [])
        #expect(try bench.int("SELECT count(DISTINCT shard_id) FROM fature_v2.affiliates_optimized") == 2)
        #expect(try bench.int("SELECT fature_v2.next_affiliate_id()") == 7)
        #expect(try bench.int("SELECT count(*) FROM fature_v2.hierarchy_change WHERE kind = 'reloaded' AND seq = 1") == 2)
        #expect(try bench.int("SELECT count(*) FROM fature_v2.import_staging") == 0)
    }

    @Test("every kind of reject is named with its line, and the rest goes in")
    func everyReject() async throws {
        let bench = try await ImportBench()
        let summary = try bench.load([
            "1",  // line 2
            "x,,EX,N,active,2024-01-01,",  // 3
            "10,,E10,N,alive,2024-01-01,",  // 4
            "11,,E11,N,active,2024-13-01,",  // 5
            "12,,E12,,active,2024-01-01,",  // 6
            "13,,,N,active,2024-01-01,",  // 7
            "14,,E14,N,active,2024-01-01,ABCDEFGHIJKLMNOPQRSTU",  // 8
            "15,,E15,\"N\"x,active,2024-01-01,",  // 9
            "16,,E16,N\0,active,2024-01-01,",  // 10
            "1,,E1,Other,active,2024-01-01,",  // 11: id again, other facts
            "1",  // 12: repeats line 2
            "17,,E1,N,active,2024-01-01,",  // 13: external id of line 2
            "18,,E18,N,active,2024-01-01,CODE",  // 14
            "19,,E19,N,active,2024-01-01,CODE",  // 15
            "20<99",  // 16: orphan
            "21<20",  // 17: below it
            "22<23", "23<24", "24<22",  // 18-20: cycle
            "25<24",  // 21: below it
            "26<26",  // 22
            "27<10",  // 23: below a row refused by itself
            "28<1",  // 24
        ])
        #expect(summary.imported == 3)
        #expect(summary.alreadyPresent == 1)
        #expect(
            try bench.column("SELECT affiliate_id::text FROM fature_v2.affiliates_optimized ORDER BY affiliate_id") == [
                "1", "18", "28",
            ])
        #expect(
            bench.rejects.map {
                $0.split(separator: ",", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(separator: ",")
            } == [
                "3,,bad_number", "4,10,bad_status", "5,11,bad_date", "6,12,empty_name", "7,13,empty_external_id",
                "8,14,text_too_long",
                "9,,malformed_record", "10,16,bad_text", "11,1,duplicate_affiliate_id", "13,17,duplicate_external_id",
                "15,19,duplicate_referral_code", "16,20,orphan", "17,21,sponsor_rejected", "18,22,cycle", "19,23,cycle",
                "20,24,cycle",
                "21,25,sponsor_rejected", "22,26,cycle", "23,27,sponsor_rejected",
            ])
        #expect(summary.rejected == 19)
        #expect(try bench.damage() == [])
    }

    @Test("strict: one reject refuses everything, and the next run reads the corrected file anew")
    func strict() async throws {
        let bench = try await ImportBench()
        #expect { try bench.load(["1", "2<9", "3<1"], strict: true) } throws: { ($0 as? ImportError)?.code == .strictRefused }
        #expect(try bench.affiliates == 0)
        #expect(bench.rejects.count == 1)
        let summary = try bench.load(["1", "2<1", "3<1"], strict: true)
        #expect(summary.imported == 3)
        #expect(bench.rejects == [])
    }

    @Test("the same file twice does no harm, and the same id with other facts is refused")
    func twice() async throws {
        let bench = try await ImportBench()
        let rows = ["1", "2<1", "3<2", "4"]
        try bench.load(rows)
        let before = try bench.column("SELECT a::text FROM fature_v2.affiliates_optimized a ORDER BY affiliate_id")
        let second = try bench.load(rows)
        #expect(second.imported == 0)
        #expect(second.alreadyPresent == 4)
        #expect(second.rejected == 0)
        #expect(try bench.column("SELECT a::text FROM fature_v2.affiliates_optimized a ORDER BY affiliate_id") == before)
        let third = try bench.load(["4<1"] + rows.dropLast())
        #expect(third.rejects == ["duplicate_affiliate_id": 1])
        #expect(third.alreadyPresent == 3)
        #expect(try bench.damage() == [])
    }

    @Test("more people under sponsors that are there already: their levels, counters and shard follow")
    func underExisting() async throws {
        let bench = try await ImportBench()
        try bench.load(["1", "2<1", "50"])
        let summary = try bench.load([
            "3<2", "4<3", "60", "61<60", "7,,E2,N,active,2024-01-01,", "8,1,E8,N,active,2024-01-01,",
        ])
        #expect(summary.imported == 5)
        #expect(summary.rejects == ["duplicate_external_id": 1])
        #expect(
            try bench.column(
                "SELECT hierarchy_path::text FROM fature_v2.affiliates_optimized WHERE affiliate_id IN (3, 4, 61) ORDER BY 1")
                == [
                    "1.2.3", "1.2.3.4", "60.61",
                ])
        #expect(try bench.int("SELECT total_network_size FROM fature_v2.affiliates_optimized WHERE affiliate_id = 1") == 4)
        #expect(try bench.int("SELECT direct_referrals_count FROM fature_v2.affiliates_optimized WHERE affiliate_id = 1") == 2)
        #expect(try bench.damage() == [])
    }

    @Test("while workers serve, an import into an empty hierarchy takes their shards from them; later ones leave them")
    func serving() async throws {
        let bench = try await ImportBench()
        _ = try bench.connection.execute(
            """
            INSERT INTO fature_v2.worker_lease (name, address, capacity, version, expires_at)
            VALUES ('w', '127.0.0.1:1', 1, 'x', clock_timestamp() + interval '1 hour')
            """)
        _ = try bench.connection.execute(
            "UPDATE fature_v2.shard SET owner = (SELECT instance_id FROM fature_v2.worker_lease), epoch = 1")
        try bench.load(["1", "2<1"])
        #expect(try bench.int("SELECT count(*) FROM fature_v2.shard WHERE owner IS NOT NULL") == 0)
        #expect(try bench.int("SELECT version FROM fature_v2.topology") == 1)
        _ = try bench.connection.execute(
            "UPDATE fature_v2.shard SET owner = (SELECT instance_id FROM fature_v2.worker_lease), epoch = 2")
        #expect(try bench.load(["3<1"]).imported == 1)
        #expect(try bench.int("SELECT count(*) FROM fature_v2.shard WHERE owner IS NOT NULL") == 256)
        #expect(try bench.damage() == [])
    }

    @Test("imports while two writers join and move without a pause: nothing is lost, and every counter is right")
    func underStorm() async throws {
        let bench = try await ImportBench()
        try bench.load((1...64).map(String.init))
        _ = try bench.connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 1")
        let storm = WriteStorm(url: bench.database.url)
        storm.start(writers: 2)
        let result = Result { () throws -> Void in
            for round in 0..<8 {
                let base = 1_000 * (round + 1)
                let rows = (0..<200).map { "\(base + $0)<\($0.isMultiple(of: 3) && $0 > 0 ? base + $0 - 1 : $0 % 64 + 1)" }
                let imported = try bench.load(rows, batch: 100).imported
                #expect(imported == 200)
            }
        }
        let joined = try storm.end(writers: 2)
        try result.get()
        #expect(joined > 0)
        #expect(try bench.affiliates == 64 + 8 * 200 + joined)
        #expect(try bench.damage() == [])
    }

    @Test("what is staged of a V1 that has changed since is not mixed with what it holds now")
    func changedV1() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .star, affiliates: 30, seed: 1), to: bench.connection, replace: false)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            _ = try AffiliateImport(bench.connection, options: ImportOptions(rowsPerBatch: 10)).run(
                v1: V1Source(try bench.database.connect()), onProgress: { if case .batch = $0 { throw Stop() } },
                onRejects: { _ in })
        }
        _ = try bench.connection.execute("UPDATE public.affiliates SET name = 'renamed' WHERE affiliate_id = 2")
        #expect(try bench.migrate(batch: 10).rowsRead == 30)
        #expect(try bench.int("SELECT count(*) FROM fature_v2.affiliates_optimized WHERE name = 'renamed'") == 1)
    }

    @Test("one chosen id, however high, leaves numbers for those who choose none")
    func highIDs() async throws {
        let bench = try await ImportBench()
        try bench.load(["5", "4503599627370496", "9007199254740991", "9007199254740992", "9223372036854775807"])
        #expect(try bench.int("SELECT fature_v2.next_affiliate_id()") == 6)
        try bench.load(["4503599627370495"])
        #expect(try bench.int("SELECT fature_v2.next_affiliate_id()") == 4_503_599_627_370_496)
    }

    @Test("a chain of 1,000 goes in; of a chain of 1,002 the last two are refused as too deep")
    func chains() async throws {
        let bench = try await ImportBench()
        let chain = (1...1_000).map { $0 == 1 ? "1" : "\($0)<\($0 - 1)" }
        let summary = try bench.load(chain.reversed(), batch: 300)
        #expect(summary.imported == 1_000)
        #expect(summary.pairs == 499_500)
        #expect(try bench.load(["1001<1000"]).rejects == ["too_deep": 1])
        #expect(try bench.damage() == [])

        let other = try await ImportBench()
        let deep = try other.load(chain + ["1001<1000", "1002<1001"], batch: 5_000)
        #expect(deep.imported == 1_000)
        #expect(deep.rejects == ["too_deep": 2])
        #expect(other.rejects.first?.hasPrefix("1002,1001,too_deep,") == true)
        #expect(other.rejects.last?.contains("1000") == true)
    }

    @Test("a star of 100,000 goes in, over the indexes that are built at the end")
    func star() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .star, affiliates: 100_000, seed: 1), to: bench.connection, replace: false)
        let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'fature_v2' ORDER BY 1"
        let constraints =
            "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'fature_v2'::regnamespace ORDER BY 1"
        let before = try (bench.column(indexes), bench.column(constraints))
        let summary = try bench.migrate(batch: 40_000)
        #expect(summary.imported == 100_000)
        #expect(summary.batches == 3)
        #expect(try (bench.column(indexes), bench.column(constraints)) == before)
        #expect(try bench.int("SELECT total_network_size FROM fature_v2.affiliates_optimized WHERE affiliate_id = 1") == 99_999)
        #expect(try bench.damage() == [])
    }

    @Test("roots go to the lightest shards, heaviest tree first")
    func placement() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .uniform, affiliates: 20_000, seed: 5), to: bench.connection, replace: false)
        try bench.migrate(batch: 20_000)
        #expect(try bench.int("SELECT count(*) FROM fature_v2.shard_sequence WHERE affiliates_count > 0") == 256)
        #expect(try bench.int("SELECT max(affiliates_count) - min(affiliates_count) FROM fature_v2.shard_sequence") <= 50)
        #expect(try bench.damage() == [])
    }

    @Test("a V1 with rows that cannot be migrated: each is refused with its id, and the validation tells the difference")
    func dirtyV1() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .uniform, affiliates: 3_000, seed: 2), to: bench.connection, replace: false)
        #expect {
            try V1Schema.write(NetworkGenerator(profile: .star, affiliates: 2, seed: 1), to: bench.connection, replace: false)
        } throws: { ($0 as? ImportError)?.code == .targetExists }
        try bench.connection.executeScript(
            """
            ALTER TABLE public.affiliates ALTER name DROP NOT NULL;
            INSERT INTO public.affiliates (affiliate_id, parent_affiliate_id, external_id, name, status) VALUES
                (-5, NULL, 'A', 'N', 'active'), (100001, 77777777, 'B', 'N', 'active'), (100002, NULL, 'C', NULL, 'active'),
                (100003, NULL, 'D', 'N', 'gone'), (100004, 100005, 'E', 'N', 'active'), (100005, 100004, 'F', 'N', 'active')
            """)
        let summary = try bench.migrate()
        #expect(summary.imported == 3_000)
        #expect(
            Set(bench.rejects.map { $0.split(separator: ",", maxSplits: 3).prefix(3).joined(separator: ",") }) == [
                "-5,-5,bad_number", "100001,100001,orphan", "100002,100002,empty_name", "100003,100003,bad_status",
                "100004,100004,cycle",
                "100005,100005,cycle",
            ])
        #expect(try bench.damage() == [.v1Missing])
        #expect(try bench.validation()[.v1Missing]?.count == 6)
    }

    @Test("a V1 without its table, without a column or without its key is refused")
    func unusableV1() async throws {
        let bench = try await ImportBench()
        #expect { try bench.migrate() } throws: { ($0 as? ImportError)?.code == .sourceUnusable }
        try bench.connection.executeScript("CREATE TABLE public.affiliates (affiliate_id bigint PRIMARY KEY)")
        #expect { try bench.migrate() } throws: { ($0 as? ImportError)?.message.contains("external_id") == true }
        try bench.connection.executeScript("DROP TABLE public.affiliates")
        try V1Schema.write(NetworkGenerator(profile: .star, affiliates: 2, seed: 1), to: bench.connection, replace: false)
        try bench.connection.executeScript("ALTER TABLE public.affiliates DROP CONSTRAINT affiliates_pkey")
        #expect { try bench.migrate() } throws: { ($0 as? ImportError)?.message.contains("unique") == true }
    }

    @Test("the migrated hierarchy equals what a recursive query over V1 says, row by row")
    func oracle() async throws {
        let bench = try await ImportBench()
        try V1Schema.write(NetworkGenerator(profile: .skew, affiliates: 10_000, seed: 11), to: bench.connection, replace: false)
        try bench.migrate()
        let differences = try bench.int(
            """
            WITH RECURSIVE tree AS (
                SELECT affiliate_id, 1 AS level, affiliate_id::text AS path FROM public.affiliates WHERE parent_affiliate_id IS NULL
                UNION ALL
                SELECT o.affiliate_id, t.level + 1, t.path || '.' || o.affiliate_id
                FROM tree t JOIN public.affiliates o ON o.parent_affiliate_id = t.affiliate_id
            ), expected AS (
                SELECT t.affiliate_id, o.parent_affiliate_id, t.level, t.path, o.level_1_referrals::bigint, o.external_id, o.referral_code::text,
                    o.name, o.email, o.phone, o.document, o.category, o.status, o.registration_date
                FROM tree t JOIN public.affiliates o USING (affiliate_id)
            ), actual AS (
                SELECT affiliate_id, parent_affiliate_id, hierarchy_level, hierarchy_path::text, direct_referrals_count::bigint, external_id,
                    referral_code::text, name, email, phone, document, category, status, registration_date
                FROM fature_v2.affiliates_optimized
            )
            SELECT (SELECT count(*) FROM (SELECT * FROM expected EXCEPT SELECT * FROM actual) AS missing)
                + (SELECT count(*) FROM (SELECT * FROM actual EXCEPT SELECT * FROM expected) AS surplus)
            """)
        #expect(differences == 0)
        #expect(try bench.affiliates == 10_000)
        #expect(try bench.damage() == [])
    }
}
