import PostgresClient

/// The one lease that makes a coordinator the leader. Its term rises with each take-over and never falls.
package enum CoordinatorLease {
    /// Takes the lease when it is free or has run out. `holder` must be another for each boot of each process.
    /// - Returns: the new term, or nil while somebody else leads.
    package static func acquire(
        holder: String, timeToLiveMilliseconds: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Int64? {
        let result = try connection.execute(
            """
            UPDATE fature_v2.coordinator_lease
            SET term = term + 1, holder = $1, expires_at = clock_timestamp() + $2 * interval '1 millisecond'
            WHERE expires_at <= clock_timestamp() RETURNING term
            """, [.text(holder), .int(timeToLiveMilliseconds)], timeoutMilliseconds: timeoutMilliseconds)
        return result.rowCount == 1 ? try result.int(0, 0) : nil
    }

    /// Extends the lease, even one that ran out if nobody has taken it over.
    /// - Returns: false when another term has begun: this coordinator leads no more.
    package static func renew(
        term: Int64, holder: String, timeToLiveMilliseconds: Int64, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        let result = try connection.execute(
            """
            UPDATE fature_v2.coordinator_lease SET expires_at = clock_timestamp() + $3 * interval '1 millisecond'
            WHERE term = $1 AND holder = $2
            """, [.int(term), .text(holder), .int(timeToLiveMilliseconds)], timeoutMilliseconds: timeoutMilliseconds)
        return result.affectedRows == 1
    }

    /// Gives the lease up, so that another coordinator need not wait for its end.
    /// - Returns: false when another term had begun already.
    @discardableResult
    package static func resign(
        term: Int64, holder: String, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        let result = try connection.execute(
            "UPDATE fature_v2.coordinator_lease SET expires_at = '-infinity', holder = NULL WHERE term = $1 AND holder = $2",
            [.int(term), .text(holder)], timeoutMilliseconds: timeoutMilliseconds)
        return result.affectedRows == 1
    }
}
