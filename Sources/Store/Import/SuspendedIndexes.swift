import PostgresClient

/// The indexes and keys of empty tables, taken away for a bulk load and built again at its end, all in one transaction.
///
/// Building an index over all rows at once is several times faster than keeping it row by row.
struct SuspendedIndexes {
    private let restore: [String]

    /// - Parameter tables: qualified names. Nothing is taken away where a foreign key refers to one of them.
    static func suspend(_ tables: [String], _ connection: PostgresConnection) throws -> SuspendedIndexes {
        let list = PostgresValue.textArray(tables.map { $0 })
        let referring = try connection.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY ($1::text[]::regclass[])", [list])
        guard try referring.int(0, 0) == 0 else { return SuspendedIndexes(restore: []) }
        let found = try connection.execute(
            """
            SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
                format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid = ANY ($1::text[]::regclass[])
            UNION ALL
            SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
            FROM pg_index i WHERE indrelid = ANY ($1::text[]::regclass[])
                AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
            """, [list])
        var restore: [String] = []
        for row in 0..<found.rowCount {
            _ = try connection.execute(try found.text(row, 0))
            restore.append(try found.text(row, 1))
        }
        return SuspendedIndexes(restore: restore)
    }

    func resume(_ connection: PostgresConnection) throws {
        for statement in restore { _ = try connection.execute(statement) }
    }
}
