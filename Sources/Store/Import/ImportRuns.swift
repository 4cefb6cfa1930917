import Core
import Dataset
import PostgresClient

/// The rows of `import_run`: which import is under way, and how far it has come.
struct ImportRun {
    let id: Int64
    var position: SourcePosition
    var isRead: Bool
    var rowsRead: Int64
    var rowsStaged: Int64
    var batches: Int64
}

enum ImportRuns {
    private static let lockName = "hashtextextended('fature_v2.import', 0)"

    /// Keeps other imports out while this session lives.
    static func lock(_ connection: PostgresConnection) throws {
        // A client that was killed must not hold the lock until a long statement ends.
        _ = try connection.execute("SET client_connection_check_interval = '1s'")
        guard try connection.execute("SELECT pg_try_advisory_lock(\(lockName))").bool(0, 0) else {
            throw ImportError(.busy, "another import is running in \(connection.configuration): wait for it, then try again")
        }
    }

    static func unlock(_ connection: PostgresConnection) throws {
        _ = try connection.execute("SELECT pg_advisory_unlock(\(lockName))")
    }

    /// Finds the run to go on with, or begins a new one.
    static func begin(_ source: some AffiliateSource, _ connection: PostgresConnection) throws -> (
        run: ImportRun, notContinued: String?, isNew: Bool
    ) {
        let found = try connection.execute(
            """
            SELECT run_id, position, line, state = 'read', rows_read, rows_staged, batches, source = $1,
                (SELECT count(*) FROM fature_v2.import_staging)
            FROM fature_v2.import_run WHERE state IN ('reading', 'read') ORDER BY run_id DESC LIMIT 1
            """, [.text(source.identity)])
        guard found.rowCount == 1 else { return (try make(source, connection), nil, true) }
        let run = ImportRun(
            id: try found.int(0, 0), position: SourcePosition(place: try found.int(0, 1), line: try found.int(0, 2)),
            isRead: try found.bool(0, 3), rowsRead: try found.int(0, 4), rowsStaged: try found.int(0, 5),
            batches: try found.int(0, 6))
        if try !found.bool(0, 7) {
            return (try make(source, connection), "run \(run.id) read another source, or this one before it changed", true)
        }
        if try found.int(0, 8) != run.rowsStaged {
            return (try make(source, connection), "the server crashed after run \(run.id) and lost what it had read", true)
        }
        return (run, nil, false)
    }

    private static func make(_ source: some AffiliateSource, _ connection: PostgresConnection) throws -> ImportRun {
        try connection.transaction {
            _ = try connection.execute("TRUNCATE fature_v2.import_staging, fature_v2.import_reject")
            _ = try connection.execute(
                "UPDATE fature_v2.import_run SET state = 'abandoned', updated_at = clock_timestamp() WHERE state IN ('reading', 'read')"
            )
            let made = try connection.execute(
                "INSERT INTO fature_v2.import_run (source, state, position, line) VALUES ($1, 'reading', $2, $3) RETURNING run_id",
                [.text(source.identity), .int(source.start.place), .int(source.start.line)])
            return ImportRun(
                id: try made.int(0, 0), position: source.start, isRead: false, rowsRead: 0, rowsStaged: 0, batches: 0)
        }
    }

    /// Notes a batch; in the transaction that staged it.
    static func save(_ run: ImportRun, _ connection: PostgresConnection) throws {
        _ = try connection.execute(
            """
            UPDATE fature_v2.import_run SET position = $2, line = $3, rows_read = $4, rows_staged = $5, batches = $6,
                state = CASE WHEN $7 THEN 'read' ELSE 'reading' END, updated_at = clock_timestamp()
            WHERE run_id = $1
            """,
            [
                .int(run.id), .int(run.position.place), .int(run.position.line), .int(run.rowsRead), .int(run.rowsStaged),
                .int(run.batches), .bool(run.isRead),
            ])
    }

    /// Ends a run and empties the staging table.
    static func end(_ run: ImportRun, state: String, published: Int64?, _ connection: PostgresConnection) throws {
        _ = try connection.execute(
            "UPDATE fature_v2.import_run SET state = $2, rows_published = $3, updated_at = clock_timestamp() WHERE run_id = $1",
            [.int(run.id), .text(state), published.map { .int($0) } ?? .null])
        _ = try connection.execute("TRUNCATE fature_v2.import_staging")
    }

    // MARK: Rejects

    /// Rejects sent to the server at once.
    private static let rejectsPerStatementMax = 10_000

    static func add(_ rejects: [Reject], _ run: ImportRun, _ connection: PostgresConnection) throws {
        for start in stride(from: 0, to: rejects.count, by: rejectsPerStatementMax) {
            let some = rejects[start..<min(start + rejectsPerStatementMax, rejects.count)]
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.import_reject (run_id, line, affiliate_id, reason, detail)
                SELECT $1, * FROM unnest($2, $3, $4::text[], $5::text[])
                """,
                [
                    .int(run.id), .int8Array(some.map(\.lineOrID)), .optionalInt8Array(some.map(\.affiliateID)),
                    .textArray(some.map(\.reason.rawValue)), .textArray(some.map(\.detail)),
                ])
        }
    }

    /// - Throws: `ImportError` with code `tooManyRejects`.
    static func rejects(_ run: ImportRun, _ connection: PostgresConnection) throws -> [String: Int64] {
        let counts = try connection.execute(
            "SELECT reason, count(*) FROM fature_v2.import_reject WHERE run_id = $1 GROUP BY 1", [.int(run.id)])
        var rejects: [String: Int64] = [:]
        for row in 0..<counts.rowCount { rejects[try counts.text(row, 0)] = try counts.int(row, 1) }
        let total = rejects.values.reduce(0, +)
        guard total <= ImportOptions.rejectsMax else {
            throw ImportError(
                .tooManyRejects,
                "\(total) rows are refused (\(rejects.max { $0.value < $1.value }?.key ?? "") most of all): is this the right source?"
            )
        }
        return rejects
    }

    /// Hands out the rejects as CSV, in the order of the source.
    static func copyRejects(
        _ run: ImportRun, _ connection: PostgresConnection, _ onBytes: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try connection.copyOut(
            """
            COPY (SELECT line AS line_or_id, affiliate_id, reason, detail FROM fature_v2.import_reject WHERE run_id = \(run.id)
                ORDER BY line, reason) TO STDOUT (FORMAT csv, HEADER)
            """, onBytes)
    }
}
