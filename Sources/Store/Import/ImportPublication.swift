import Core
import Dataset
import PostgresClient

/// Turns the staged rows into the hierarchy, set by set, in ONE transaction: until its commit nothing of it is to be seen, and whatever
/// ends it early leaves the hierarchy as it was and the staged rows where they are.
struct ImportPublication {
    let connection: PostgresConnection
    let run: ImportRun
    let options: ImportOptions
    let onProgress: (ImportProgress) throws -> Void
    let onRejects: (UnsafeRawBufferPointer) throws -> Void

    static let tables = ["fature_v2.affiliates_optimized", "fature_v2.hierarchy_index"]

    /// Loads of fewer rows keep the indexes up row by row, and lock nobody out.
    private static let suspendedIndexRowsMin: Int64 = 20_000

    func publish() throws -> ImportSummary {
        let summary = try connection.transaction {
            _ = try connection.execute("SET LOCAL work_mem = '128MB'")
            _ = try connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
            _ = try connection.execute("SET LOCAL jit = off")
            _ = try connection.execute("SET LOCAL lock_timeout = '5s'")
            let isEmpty = try step(.locks) { try takeLocks() }
            var summary = ImportSummary(run: run.id, rowsRead: run.rowsRead, batches: run.batches)
            let checks = ImportChecks(connection: connection, run: run)
            summary.alreadyPresent = try step(.duplicates) {
                _ = try connection.execute("ANALYZE fature_v2.import_staging")
                return try checks.removeDuplicates(hierarchyIsEmpty: isEmpty)
            }
            try step(.tree) { try growTree(hierarchyIsEmpty: isEmpty, &summary) }
            try step(.unreached) { try checks.rejectUnreached() }
            summary.rejects = try ImportRuns.rejects(run, connection)
            if summary.rejected > 0 {
                try ImportRuns.copyRejects(run, connection, onRejects)
                guard !options.isStrict else {
                    throw ImportError(
                        .strictRefused,
                        "\(summary.rejected) rows are refused, and --strict takes all or nothing: nothing was imported; "
                            + "correct the rows in the rejects file, or leave --strict out")
                }
            }
            let suspended =
                isEmpty && summary.imported >= Self.suspendedIndexRowsMin
                ? try SuspendedIndexes.suspend(Self.tables, connection) : nil
            try step(.pairs) { summary.pairs = try makePairs() }
            try step(.placement) { try placeRoots() }
            try step(.affiliates) { try insertAffiliates(hierarchyIsEmpty: isEmpty) }
            try step(.index) {
                _ = try connection.execute(
                    "INSERT INTO fature_v2.hierarchy_index SELECT * FROM import_pair ORDER BY ancestor_id, descendant_id")
                try suspended?.resume(connection)
            }
            try step(.bookkeeping) { try keepBooks(summary) }
            try onProgress(.beginning(.commit))
            return summary
        }
        // The import stands: whatever happens here must not cost its summary and its rejects.
        do {
            try step(.statistics) {
                for table in Self.tables { _ = try connection.execute("ANALYZE \(table)") }
            }
        } catch let error as PostgresError { try onProgress(.statisticsFailed(error.message)) }
        return summary
    }

    private func step<R>(_ step: ImportStep, _ body: () throws -> R) throws -> R {
        try onProgress(.beginning(step))
        let start = ContinuousClock.now
        let result = try body()
        try onProgress(.ended(step, duration: start.duration(to: .now)))
        return result
    }

    /// Keeps writers and assignments of shards out until the commit, so that what is checked after this stays true.
    ///
    /// Every write begins with a row lock in `shard`, which the table lock holds off. A lock of its rows would not do: sharers come
    /// between one after the other, and it might wait for ever. Workers that serve follow the change `reloaded`.
    /// - Returns: whether the hierarchy is empty.
    private func takeLocks() throws -> Bool {
        _ = try connection.execute("LOCK TABLE fature_v2.shard IN EXCLUSIVE MODE")
        _ = try connection.execute("SELECT shard_id FROM fature_v2.shard_sequence ORDER BY shard_id FOR UPDATE")
        let isEmpty = try ClusterServing.hierarchyIsEmpty(connection)
        if try isEmpty && ClusterServing.hasLiveWorkers(connection) {
            // The workers hold empty shards. Taken from them, they are assigned anew and loaded with what is published here.
            let freed = try connection.execute("UPDATE fature_v2.shard SET owner = NULL WHERE owner IS NOT NULL")
            if freed.affectedRows > 0 { _ = try connection.execute("SELECT fature_v2.bump_topology()") }
        }
        return isEmpty
    }

    /// Walks down from the roots and from the sponsors that are in the hierarchy already. What is not reached is not imported.
    private func growTree(hierarchyIsEmpty: Bool, _ summary: inout ImportSummary) throws {
        let belowPresent = """
            UNION ALL
            SELECT s.affiliate_id, fature_v2.path_ids(a.hierarchy_path) || s.affiliate_id, a.shard_id
            FROM fature_v2.import_staging s JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = s.parent_affiliate_id
            WHERE a.hierarchy_level < \(hierarchyLevelMax)
            """
        _ = try connection.execute(
            """
            CREATE TEMP TABLE import_tree ON COMMIT DROP AS
            WITH RECURSIVE tree (affiliate_id, upline, shard_id) AS (
                (SELECT affiliate_id, ARRAY[affiliate_id], NULL::smallint FROM fature_v2.import_staging WHERE parent_affiliate_id IS NULL
                \(hierarchyIsEmpty ? "" : belowPresent))
                UNION ALL
                SELECT s.affiliate_id, t.upline || s.affiliate_id, t.shard_id
                FROM tree t JOIN fature_v2.import_staging s ON s.parent_affiliate_id = t.affiliate_id
                WHERE cardinality(t.upline) < \(hierarchyLevelMax)
            )
            SELECT * FROM tree
            """)
        _ = try connection.execute("ANALYZE import_tree")
        let counts = try connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE cardinality(upline) = 1), coalesce(max(cardinality(upline)), 0) FROM import_tree"
        )
        summary.imported = try counts.int(0, 0)
        summary.roots = try counts.int(0, 1)
        summary.levels = try counts.int(0, 2)
    }

    private func makePairs() throws -> Int64 {
        let made = try connection.execute(
            """
            CREATE TEMP TABLE import_pair ON COMMIT DROP AS
            SELECT u.ancestor_id, t.affiliate_id AS descendant_id, (cardinality(t.upline) - u.position)::integer AS level_distance
            FROM import_tree t CROSS JOIN LATERAL unnest(t.upline) WITH ORDINALITY AS u (ancestor_id, position)
            WHERE u.position < cardinality(t.upline)
            """)
        _ = try connection.execute("ANALYZE import_pair")
        _ = try connection.execute(
            """
            CREATE TEMP TABLE import_counter ON COMMIT DROP AS
            SELECT ancestor_id, count(*) AS network, count(*) FILTER (WHERE level_distance = 1) AS direct FROM import_pair GROUP BY 1
            """)
        _ = try connection.execute("ANALYZE import_counter")
        return Int64(made.affectedRows)
    }

    private func placeRoots() throws {
        let loads = try connection.execute("SELECT shard_id, affiliates_count FROM fature_v2.shard_sequence ORDER BY shard_id")
        var shards: [Int] = []
        var counts: [Int] = []
        for row in 0..<loads.rowCount {
            shards.append(Int(try loads.int(row, 0)))
            counts.append(Int(try loads.int(row, 1)))
        }
        guard !shards.isEmpty else {
            throw StoreError(.unexpectedAnswer, "fature_v2.shard_sequence is empty; run: fature db migrate")
        }
        var roots: [Int64] = []
        var weights: [Int] = []
        try connection.copyOut(
            "COPY (SELECT upline[1], count(*) FROM import_tree WHERE shard_id IS NULL GROUP BY 1 ORDER BY 1) TO STDOUT"
        ) { line in
            let fields = line.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n") })
                .compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
            guard fields.count == 2 else { throw StoreError(.malformedCopy, "a root came without the weight of its tree") }
            roots.append(fields[0])
            weights.append(Int(fields[1]))
        }
        let placed = RootPlacement.shards(weights: weights, loads: counts)
        _ = try connection.execute("CREATE TEMP TABLE import_root (root_id bigint, shard_id smallint) ON COMMIT DROP")
        try connection.copyIn("COPY import_root FROM STDIN (FORMAT binary)") { writer in
            var buffer = BinaryCopyBuffer()
            for (root, place) in zip(roots, placed) {
                buffer.startRow(fields: 2)
                buffer.field(root)
                buffer.field(Int16(truncatingIfNeeded: shards[place]))
                try buffer.flushIfFull(writer)
            }
            try buffer.finish(writer)
        }
        _ = try connection.execute("ANALYZE import_root")
    }

    private func insertAffiliates(hierarchyIsEmpty: Bool) throws {
        if !hierarchyIsEmpty {
            _ = try connection.execute(
                """
                UPDATE fature_v2.affiliates_optimized a
                SET total_network_size = a.total_network_size + c.network, direct_referrals_count = a.direct_referrals_count + c.direct
                FROM import_counter c WHERE a.affiliate_id = c.ancestor_id
                """)
        }
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (
                affiliate_id, parent_affiliate_id, registration_date, total_network_size, direct_referrals_count, hierarchy_level,
                shard_id, status, category, external_id, referral_code, name, email, phone, document, hierarchy_path)
            SELECT s.affiliate_id, s.parent_affiliate_id, s.registration_date, coalesce(c.network, 0), coalesce(c.direct, 0),
                cardinality(t.upline), coalesce(t.shard_id, r.shard_id), s.status, s.category, s.external_id, s.referral_code, s.name,
                s.email, s.phone, s.document, text2ltree(array_to_string(t.upline, '.'))
            FROM import_tree t
            JOIN fature_v2.import_staging s ON s.affiliate_id = t.affiliate_id
            LEFT JOIN import_root r ON r.root_id = t.upline[1]
            LEFT JOIN import_counter c ON c.ancestor_id = t.affiliate_id
            ORDER BY s.affiliate_id
            """)
    }

    /// Tells followers of each shard to load it again, and notes what was done.
    private func keepBooks(_ summary: ImportSummary) throws {
        _ = try connection.execute(
            """
            SELECT fature_v2.announce_bulk_load(ARRAY(
                SELECT DISTINCT coalesce(t.shard_id, r.shard_id)
                FROM import_tree t LEFT JOIN import_root r ON r.root_id = t.upline[1]))
            """)
        // Numbers from 2^52 on do not lift the sequence: see next_affiliate_id.
        _ = try connection.execute(
            """
            SELECT setval('fature_v2.affiliate_id_seq', highest) FROM (
                SELECT max(affiliate_id) AS highest FROM import_tree WHERE affiliate_id < 4503599627370496
            ) AS imported, fature_v2.affiliate_id_seq WHERE highest >= last_value
            """)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor)
            SELECT 'affiliates_optimized', 'import ' || run_id, 'insert',
                jsonb_build_object('source', source, 'imported', $2::bigint, 'already_present', $3::bigint, 'rejected', $4::bigint), 'import'
            FROM fature_v2.import_run WHERE run_id = $1
            """, [.int(run.id), .int(summary.imported), .int(summary.alreadyPresent), .int(summary.rejected)])
        try ImportRuns.end(run, state: "published", published: summary.imported, connection)
    }
}
