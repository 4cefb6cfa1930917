import Core
import Placement
import PostgresClient

/// Who owns which shard: what the coordinator decides, and what workers and gateways read.
///
/// Everything that changes an owner or a standby bumps the topology version and notifies the channel `notificationChannel` with it, in
/// the same transaction. A notification may be missed (a lost session): poll `topologyVersion` as well.
package enum OwnershipQueries {
    package static let notificationChannel = "fature_topology"

    // MARK: The coordinator

    /// Every registered worker, live or not, by instance.
    package static func workers(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> [RegisteredWorker] {
        let result = try connection.execute(
            """
            SELECT w.instance_id, w.name, w.address, w.capacity, w.version,
                floor(extract(epoch FROM w.expires_at - clock_timestamp()) * 1000)::bigint, coalesce(s.standing, 'open')
            FROM fature_v2.worker_lease w LEFT JOIN fature_v2.worker_standing s USING (name) ORDER BY w.instance_id
            """, timeoutMilliseconds: timeoutMilliseconds)
        var workers: [RegisteredWorker] = []
        for row in 0..<result.rowCount {
            let registration = WorkerRegistration(
                name: try result.text(row, 1), address: try result.text(row, 2), capacity: try result.int(row, 3),
                version: try result.text(row, 4))
            workers.append(
                RegisteredWorker(
                    instance: WorkerInstanceID(try result.int(row, 0)), registration: registration,
                    leaseMillisecondsLeft: try result.int(row, 5), standing: try WorkerStanding(stored: result.text(row, 6))))
        }
        return workers
    }

    /// Every shard with its owner and its weight, by shard number.
    package static func weighedShards(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> [WeighedShard]
    {
        let result = try connection.execute(
            """
            SELECT h.id, h.owner, h.epoch, s.affiliates_count, b.instance_id
            FROM fature_v2.shard h JOIN fature_v2.shard_sequence s ON s.shard_id = h.id
                LEFT JOIN fature_v2.shard_standby b ON b.shard_id = h.id
            ORDER BY h.id
            """, timeoutMilliseconds: timeoutMilliseconds)
        var shards: [WeighedShard] = []
        shards.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            shards.append(
                WeighedShard(
                    shard: try ShardID(stored: result.int(row, 0)),
                    owner: try result.optionalInt(row, 1).map { WorkerInstanceID($0) },
                    epoch: Epoch(try result.int(row, 2)), affiliates: try result.int(row, 3),
                    standby: try result.optionalInt(row, 4).map { WorkerInstanceID($0) }))
        }
        return shards
    }

    /// Gives free shards to workers with a live lease, each at its next epoch: all of them or, on any refusal, none.
    package static func assign(
        _ assignments: [ShardAssignment], term: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> AssignOutcome {
        let result = try connection.execute(
            "SELECT outcome, topology_version, refused FROM fature_v2.assign_shards($1, $2::smallint[], $3)",
            [
                .int(term), .int8Array(assignments.map { Int64($0.shard.rawValue) }),
                .int8Array(assignments.map(\.instance.rawValue)),
            ], timeoutMilliseconds: timeoutMilliseconds)
        switch try result.text(0, 0) {
        case "assigned": return .assigned(topologyVersion: try result.int(0, 1))
        case "term_lost": return .termLost
        case "instance_gone": return .instancesGone(try result.intArray(0, 2).compactMap { $0.map { WorkerInstanceID($0) } })
        case "not_free": return .notFree(try result.intArray(0, 2).compactMap { try $0.map { try ShardID(stored: $0) } })
        case let other:
            throw StoreError(.unexpectedAnswer, "assigning shards answered '\(other)', which this binary does not know")
        }
    }

    /// How long the release of dead workers waits for the transactions of these.
    private static let fenceWaitMilliseconds = 300

    /// Takes away every lease that has run out and frees its shards. To be called before planning an assignment.
    ///
    /// A process that was stopped, or whose host is gone, may hold the fence of its shards for ever: its sessions are ended instead
    /// (`fencesEnded`), and the next call finds the shards free.
    package static func releaseDeadWorkers(
        term: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> ReleaseOutcome {
        let result: PostgresResult
        do {
            result = try connection.transaction {
                _ = try connection.execute("SET LOCAL lock_timeout = \(fenceWaitMilliseconds)")
                return try connection.execute(
                    "SELECT outcome, instances, shards FROM fature_v2.release_dead_workers($1)", [.int(term)],
                    timeoutMilliseconds: timeoutMilliseconds)
            }
        } catch let error as PostgresError where error.sqlState == SchemaQueries.lockNotAvailable {
            return .fencesEnded(try endFencesOfTheDead(on: connection, timeoutMilliseconds: timeoutMilliseconds))
        }
        switch try result.text(0, 0) {
        case "released":
            return .released(
                try result.intArray(0, 1).compactMap { $0.map { WorkerInstanceID($0) } },
                shards: try result.intArray(0, 2).compactMap { try $0.map { try ShardID(stored: $0) } })
        case "term_lost": return .termLost
        case let other:
            throw StoreError(.unexpectedAnswer, "releasing dead workers answered '\(other)', which this binary does not know")
        }
    }

    /// Ends the sessions of workers without a lease whose transactions have locked shards since before it ran out. What they wrote is rolled
    /// back. A living worker of the same name is tried again by itself.
    private static func endFencesOfTheDead(on connection: PostgresConnection, timeoutMilliseconds: Int?) throws -> Int {
        Int(
            try connection.execute(
                """
                SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid)) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
                WHERE l.locktype = 'relation' AND l.relation = 'fature_v2.shard'::regclass AND l.mode = 'RowShareLock' AND l.granted
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.pid <> pg_backend_pid()
                    AND EXISTS (
                        SELECT 1 FROM fature_v2.worker_lease w
                        WHERE w.expires_at <= clock_timestamp() AND a.xact_start < w.expires_at
                            AND starts_with(a.application_name, left('fature worker ' || w.name || ' ', 63)))
                """, timeoutMilliseconds: timeoutMilliseconds
            ).int(0, 0))
    }

    // MARK: Workers and gateways

    /// One row: whether a picture of the topology is still current.
    package static func topologyVersion(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> Int64 {
        try connection.execute("SELECT version FROM fature_v2.topology", timeoutMilliseconds: timeoutMilliseconds).int(0, 0)
    }

    /// Whether a gateway's picture is still current: the topology's version, and who is to have shards by hand-offs under way, which do not
    /// raise it.
    package static func topologyMark(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> TopologyMark {
        let result = try connection.execute(
            """
            SELECT version, ARRAY(
                SELECT DISTINCT to_instance FROM fature_v2.shard_move WHERE state NOT IN ('committed', 'aborted') ORDER BY to_instance)
            FROM fature_v2.topology
            """, timeoutMilliseconds: timeoutMilliseconds)
        return TopologyMark(
            version: try result.int(0, 0), moveTargets: try result.intArray(0, 1).compactMap { $0.map { WorkerInstanceID($0) } })
    }

    /// Where every shard is served, and the version of this picture.
    package static func topology(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> Topology {
        // One statement, so that the version belongs to the rows.
        let result = try connection.execute(
            """
            SELECT t.version, h.id, h.owner, h.epoch, w.address, b.instance_id
            FROM fature_v2.topology t CROSS JOIN fature_v2.shard h LEFT JOIN fature_v2.worker_lease w ON w.instance_id = h.owner
                LEFT JOIN fature_v2.shard_standby b ON b.shard_id = h.id
            ORDER BY h.id
            """, timeoutMilliseconds: timeoutMilliseconds)
        guard result.rowCount == ShardID.count else {
            throw StoreError(.unexpectedAnswer, "the database has \(result.rowCount) shards, this binary needs \(ShardID.count)")
        }
        var shards: [Topology.Shard] = []
        shards.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            shards.append(
                Topology.Shard(
                    owner: try result.optionalInt(row, 2).map { WorkerInstanceID($0) }, epoch: Epoch(try result.int(row, 3)),
                    address: try result.optionalText(row, 4),
                    standby: try result.optionalInt(row, 5).map { WorkerInstanceID($0) }))
        }
        return Topology(version: try result.int(0, 0), shards: shards)
    }
}
