import PostgresClient

/// The SQL by which the schema keeps book of itself.
enum SchemaQueries {
    /// SQLSTATE lock_not_available: lock_timeout ran out.
    static let lockNotAvailable = "55P03"

    static let createTable = """
        CREATE TABLE IF NOT EXISTS fature_v2.schema_migration (
            version                integer PRIMARY KEY CHECK (version > 0),
            name                   text NOT NULL,
            checksum               text NOT NULL,
            applied_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
            duration_milliseconds  bigint NOT NULL
        )
        """

    /// RESTRICT, the default: what somebody else put into the schema is not ours to drop, and says so.
    static let dropTable = "DROP TABLE fature_v2.schema_migration; DROP SCHEMA fature_v2"

    static func lock(_ connection: PostgresConnection, timeoutMilliseconds: Int) throws(PostgresError) {
        _ = try connection.execute(
            "SELECT set_config('lock_timeout', $1, true), set_config('search_path', 'fature_v2, public', true), set_config('client_min_messages', 'warning', true)",
            [.text("\(timeoutMilliseconds)ms")])
        _ = try connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('fature_v2.schema_migration', 0))")
    }

    static func applied(_ connection: PostgresConnection) throws(PostgresError) -> [AppliedMigration] {
        let result = try connection.execute(
            """
            SELECT version, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), duration_milliseconds
            FROM fature_v2.schema_migration ORDER BY version
            """)
        var rows: [AppliedMigration] = []
        for row in 0..<result.rowCount {
            rows.append(
                AppliedMigration(
                    version: Int(try result.int(row, 0)), name: try result.text(row, 1), checksum: try result.text(row, 2),
                    appliedAt: try result.text(row, 3), durationMilliseconds: try result.int(row, 4)))
        }
        return rows
    }

    static func appliedIfAny(_ connection: PostgresConnection) throws(PostgresError) -> [AppliedMigration] {
        let table = try connection.execute("SELECT to_regclass('fature_v2.schema_migration')::text")
        return try table.isNull(0, 0) ? [] : applied(connection)
    }

    /// The checksum of each migration's SQL up, in order.
    static func checksums(of migrations: [Migration], _ connection: PostgresConnection) throws(PostgresError) -> [String] {
        let result = try connection.execute(
            "SELECT encode(sha256(convert_to(sql, 'UTF8')), 'hex') FROM unnest($1) WITH ORDINALITY AS m (sql, position) ORDER BY position",
            [.textArray(migrations.map(\.up))])
        var checksums: [String] = []
        for row in 0..<result.rowCount { checksums.append(try result.text(row, 0)) }
        return checksums
    }

    /// Whether a worker's lease is live. None can come until the transaction ends.
    static func hasLiveWorkers(_ connection: PostgresConnection) throws(PostgresError) -> Bool {
        guard try exists("fature_v2.worker_lease", connection) else { return false }
        _ = try connection.execute("LOCK TABLE fature_v2.worker_lease IN SHARE MODE")
        return try connection.execute("SELECT EXISTS (SELECT 1 FROM fature_v2.worker_lease WHERE expires_at > clock_timestamp())")
            .bool(0, 0)
    }

    /// Whether there are affiliates, or notes of what was done to them.
    static func holdsData(_ connection: PostgresConnection) throws(PostgresError) -> Bool {
        for table in ["fature_v2.affiliates_optimized", "fature_v2.audit_log"] where try exists(table, connection) {
            if try connection.execute("SELECT EXISTS (SELECT 1 FROM \(table))").bool(0, 0) { return true }
        }
        return false
    }

    private static func exists(_ table: String, _ connection: PostgresConnection) throws(PostgresError) -> Bool {
        try connection.execute("SELECT to_regclass($1) IS NOT NULL", [.text(table)]).bool(0, 0)
    }

    static func record(
        _ migration: Migration, checksum: String, durationMilliseconds: Int64, _ connection: PostgresConnection
    ) throws(PostgresError) {
        _ = try connection.execute(
            "INSERT INTO fature_v2.schema_migration (version, name, checksum, duration_milliseconds) VALUES ($1::bigint, $2, $3, $4)",
            [.int(Int64(migration.version)), .text(migration.name), .text(checksum), .int(durationMilliseconds)])
    }

    static func forget(_ migration: Migration, _ connection: PostgresConnection) throws(PostgresError) {
        _ = try connection.execute("DELETE FROM fature_v2.schema_migration WHERE version = $1", [.int(Int64(migration.version))])
    }
}
