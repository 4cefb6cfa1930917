import Core
import PostgresClient

/// That a queue, or one shard of it, is paused: its jobs wait.
package struct QueuePause: Sendable, Equatable {
    package let queue: String
    /// Nil: every shard.
    package let shard: ShardID?
    package let actor: String
    package let reason: String
    /// In microseconds since 1970 UTC.
    package let pausedAtMicroseconds: Int64
}

/// What of one queue is paused.
package struct PausedShards: Sendable, Equatable {
    package var isWhole = false
    package var shards: Set<ShardID> = []

    package init(isWhole: Bool = false, shards: Set<ShardID> = []) {
        self.isWhole = isWhole
        self.shards = shards
    }

    package func contains(_ shard: ShardID) -> Bool { isWhole || shards.contains(shard) }
}

/// The pauses of all queues. PostgreSQL holds them, so that a queue stays paused when Redis is lost; workers read them about once a second.
package enum QueuePauses {
    private static let everyShard: Int64 = -1

    /// Every pause, by queue and shard.
    package static func all(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> [QueuePause] {
        let result = try connection.execute(
            """
            SELECT queue, shard_id, actor, reason, (extract(epoch FROM paused_at) * 1000000)::bigint
            FROM fature_v2.queue_pause ORDER BY queue, shard_id
            """, timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { row in
            let shard = try result.int(row, 1)
            return QueuePause(
                queue: try result.text(row, 0), shard: shard == everyShard ? nil : try ShardID(stored: shard),
                actor: try result.text(row, 2), reason: try result.text(row, 3), pausedAtMicroseconds: try result.int(row, 4))
        }
    }

    /// What of one queue is paused.
    package static func paused(
        _ queue: String, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> PausedShards {
        let result = try connection.execute(
            "SELECT shard_id FROM fature_v2.queue_pause WHERE queue = $1", [.text(queue)],
            timeoutMilliseconds: timeoutMilliseconds)
        var paused = PausedShards()
        for row in 0..<result.rowCount {
            let shard = try result.int(row, 0)
            if shard == everyShard { paused.isWhole = true } else { paused.shards.insert(try ShardID(stored: shard)) }
        }
        return paused
    }

    /// Pauses a queue or a shard of it, with an audit row.
    /// - Returns: false if it was paused already; nothing is changed then.
    package static func pause(
        _ queue: String, shard: ShardID?, reason: String, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> Bool {
        try connection.execute(
            """
            WITH paused AS (
                INSERT INTO fature_v2.queue_pause (queue, shard_id, actor, reason) VALUES ($1, $2, $3, $4)
                ON CONFLICT DO NOTHING RETURNING *
            ), audited AS (
                INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
                SELECT 'queue_pause', queue || '/' || shard_id, 'insert', to_jsonb(paused), actor, $5 FROM paused
            )
            SELECT count(*) FROM paused
            """,
            [
                .text(queue), .int(number(shard)), .text(origin.actor), .text(reason), .optionalText(origin.requestID),
            ]
        ).int(0, 0) > 0
    }

    /// Ends a pause, with an audit row. Ending that of the whole queue leaves those of single shards.
    /// - Returns: false if it was not paused so; nothing is changed then.
    package static func resume(
        _ queue: String, shard: ShardID?, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> Bool {
        try connection.execute(
            """
            WITH resumed AS (
                DELETE FROM fature_v2.queue_pause WHERE queue = $1 AND shard_id = $2 RETURNING *
            ), audited AS (
                INSERT INTO fature_v2.audit_log (table_name, record_id, operation, old_values, actor, request_id)
                SELECT 'queue_pause', queue || '/' || shard_id, 'delete', to_jsonb(resumed), $3, $4 FROM resumed
            )
            SELECT count(*) FROM resumed
            """, [.text(queue), .int(number(shard)), .text(origin.actor), .optionalText(origin.requestID)]
        ).int(0, 0) > 0
    }

    private static func number(_ shard: ShardID?) -> Int64 { shard.map { Int64($0.rawValue) } ?? everyShard }
}
