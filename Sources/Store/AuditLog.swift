import PostgresClient

/// The upkeep of `audit_log`; the rows themselves are written by the functions that make the changes.
package enum AuditLog {
    package static let monthsAheadDefault = 3

    /// Makes the monthly partitions that are missing from this month to `monthsAhead` after it.
    /// - Returns: how many were made.
    @discardableResult
    package static func makePartitions(monthsAhead: Int = monthsAheadDefault, on connection: PostgresConnection) throws -> Int {
        let result = try connection.execute("SELECT fature_v2.make_audit_partitions($1::integer)", [.int(Int64(monthsAhead))])
        return Int(try result.int(0, 0))
    }
}
