import Core
import PostgresClient

/// What a worker does about its own lease. All times are the server's; a worker judges its own trust window by its own
/// monotonic clock, from before the call that renewed the lease.
package enum WorkerLeases {
    /// Enters a worker, without shards. Each boot of a process enters itself anew.
    package static func register(
        _ registration: WorkerRegistration, timeToLiveMilliseconds: Int64, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> WorkerInstanceID {
        let result = try connection.execute(
            """
            INSERT INTO fature_v2.worker_lease (name, address, capacity, version, expires_at)
            VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond') RETURNING instance_id
            """,
            [
                .text(registration.name), .text(registration.address), .int(registration.capacity), .text(registration.version),
                .int(timeToLiveMilliseconds),
            ], timeoutMilliseconds: timeoutMilliseconds)
        return WorkerInstanceID(try result.int(0, 0))
    }

    /// Extends the lease. A lease that ran out may be renewed as long as no coordinator has taken it away: until then nobody
    /// else can have got its shards.
    /// - Returns: false when the lease is gone. The worker then owns nothing any more and must register anew.
    package static func renew(
        _ instance: WorkerInstanceID, timeToLiveMilliseconds: Int64, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        let result = try connection.execute(
            """
            UPDATE fature_v2.worker_lease
            SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + $2 * interval '1 millisecond'
            WHERE instance_id = $1
            """, [.int(instance.rawValue), .int(timeToLiveMilliseconds)], timeoutMilliseconds: timeoutMilliseconds)
        return result.affectedRows == 1
    }

    /// Ends the lease and frees its shards at once.
    /// - Returns: false when the lease was gone already.
    @discardableResult
    package static func release(
        _ instance: WorkerInstanceID, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Bool {
        try connection.execute(
            "SELECT fature_v2.release_worker($1)", [.int(instance.rawValue)], timeoutMilliseconds: timeoutMilliseconds
        ).bool(0, 0)
    }
}
