import Core
import PostgresClient
import Store
import Testing

@Suite struct AffiliateLoaderTests {
    /// Every field of an affiliate, nulls apart from empty texts.
    private struct Row: Hashable {
        var numbers: [Int64]
        var texts: [String?]
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String? {
        bytes.baseAddress == nil ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private func fill(_ connection: PostgresConnection) throws {
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (
                affiliate_id, parent_affiliate_id, registration_date, hierarchy_level, shard_id, status, category, external_id,
                referral_code, name, email, phone, document, hierarchy_path)
            SELECT n, nullif(n / 3, 0), timestamptz '1999-12-31 23:59:59.999999Z' + (n - 500) * interval '37 days 1.000001 s', 1, n % 256,
                (ARRAY['active', 'inactive', 'suspended', 'banned'])[1 + n % 4], 'cat' || n % 3, 'ext-' || n,
                CASE WHEN n % 2 = 0 THEN 'R' || n END, repeat('é', n % 50), CASE n % 3 WHEN 0 THEN '' WHEN 1 THEN n || '@x' END,
                CASE WHEN n % 5 = 0 THEN '+' || n END, CASE WHEN n % 7 = 0 THEN 'ü日本' || n END, n::text::ltree
            FROM generate_series(1, 1000) AS n
            """)
    }

    private func selected(_ connection: PostgresConnection, _ condition: String) throws -> Set<Row> {
        let result = try connection.execute(
            """
            SELECT shard_id, affiliate_id, coalesce(parent_affiliate_id, 0), array_position(ARRAY['active', 'inactive', 'suspended', 'banned'], status) - 1,
                (extract(epoch FROM registration_date) * 1000000)::bigint,
                external_id, referral_code, name, email, phone, document, category
            FROM fature_v2.affiliates_optimized WHERE \(condition)
            """)
        return Set(
            try (0..<result.rowCount).map { row in
                Row(
                    numbers: try (0..<5).map { try result.int(row, $0) },
                    texts: try (5..<12).map { try result.optionalText(row, $0) })
            })
    }

    @Test("what the loader hands out equals a plain SELECT, for all shards and for some")
    func equalsSelect() async throws {
        let connection = try await StoreDatabase.create().connect()
        try fill(connection)
        _ = try connection.execute("UPDATE fature_v2.shard_sequence SET last_seq = shard_id * 2")
        let some = [0, 7, 255, 7].map { ShardID($0) }
        for (shards, condition) in [
            ((0..<ShardID.count).map { ShardID($0) }, "true"), (some, "shard_id IN (0, 7, 255)"), ([], "false"),
        ] {
            var rows: Set<Row> = []
            let loaded = try AffiliateLoader.load(shards, on: connection) { record in
                let numbers = [
                    Int64(record.shard.rawValue), record.id.rawValue, record.parent, Int64(record.status.rawValue),
                    record.registrationMicroseconds,
                ]
                let texts = [
                    Self.text(record.externalID), Self.text(record.referralCode), Self.text(record.name), Self.text(record.email),
                    Self.text(record.phone), Self.text(record.document), Self.text(record.category),
                ]
                rows.insert(Row(numbers: numbers, texts: texts))
            }
            let expected = try selected(connection, condition)
            #expect(rows == expected)
            #expect(loaded.affiliates == expected.count)
            #expect(
                loaded.lastSequences == Dictionary(shards.map { ($0, Int64($0.rawValue) * 2) }, uniquingKeysWith: { a, _ in a }))
        }
    }

    @Test("an infinite registration date is an error that names the affiliate, and the connection lives on")
    func infiniteDate() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.join(42)
        for date in ["infinity", "-infinity"] {
            _ = try connection.execute("UPDATE fature_v2.affiliates_optimized SET registration_date = $1", [.text(date)])
            let error = #expect(throws: StoreError.self) { try AffiliateLoader.load([ShardID(0)], on: connection) { _ in } }
            #expect(error?.code == .malformedCopy)
            #expect(error?.message.contains("affiliate 42") == true)
        }
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test("a throw from the callback ends the load and comes out")
    func callbackThrows() async throws {
        struct Enough: Error {}
        let connection = try await StoreDatabase.create().connect()
        try fill(connection)
        var seen = 0
        #expect(throws: Enough.self) {
            try AffiliateLoader.load((0..<256).map { ShardID($0) }, on: connection) { _ in
                seen += 1
                if seen == 10 { throw Enough() }
            }
        }
        #expect(seen == 10)
        #expect(try connection.number("SELECT 1") == 1)
    }

    @Test("rows and sequences of a load are of one moment, whatever is written meanwhile")
    func oneMoment() async throws {
        let store = try await StoreDatabase.create()
        let reader = try store.connect()
        let writer = try store.connect()
        for id in 1...5 as ClosedRange<Int64> { try writer.join(id) }
        var count = 0
        let loaded = try AffiliateLoader.load([ShardID(0)], on: reader) { _ in
            count += 1
            try writer.join(100 + Int64(count))
        }
        #expect(count == 5)
        #expect(loaded.lastSequences[ShardID(0)] == 5)
    }

    @Test("the directory holds every affiliate's shard, at once and by lookup")
    func directory() async throws {
        let connection = try await StoreDatabase.create().connect()
        try fill(connection)
        var entries: [Int64: UInt16] = [:]
        let (sequences, count) = try DirectoryQueries.load(on: connection) { id, shard in entries[id.rawValue] = shard.rawValue }
        #expect(count == 1000 && sequences == [ChangeSequence](repeating: 0, count: ShardID.count))
        #expect(entries == Dictionary(uniqueKeysWithValues: (1...1000).map { (Int64($0), UInt16($0 % 256)) }))
        let found = try DirectoryQueries.lookup([500, 1001, 3].map { AffiliateID($0) }, on: connection)
        #expect(Dictionary(uniqueKeysWithValues: found.map { ($0.id.rawValue, $0.shard.rawValue) }) == [500: 244, 3: 3])
    }
}
