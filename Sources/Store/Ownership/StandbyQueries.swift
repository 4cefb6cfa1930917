import Core
import PostgresClient

/// Which worker keeps a warm copy of a shard. Nil: none is to.
package struct StandbyPlace: Sendable, Hashable {
    package var shard: ShardID
    package var instance: WorkerInstanceID?

    package init(shard: ShardID, instance: WorkerInstanceID?) {
        self.shard = shard
        self.instance = instance
    }
}

/// What became of placing standbys.
package enum StandbyOutcome: Sendable, Equatable {
    /// So many rows have changed, and the topology's version with them if any has. What could not be placed any more was passed over.
    case placed(Int64, topologyVersion: Int64?)
    /// Another coordinator leads.
    case termLost
}

/// The target of a move that was aborted of late.
package struct AbortedTarget: Sendable, Equatable {
    package let move: Int64
    package let shard: ShardID
    package let source: WorkerInstanceID
    package let target: WorkerInstanceID
    package let fromEpoch: Epoch
    /// The word of `abort_reason`.
    package let reason: String
    /// Whether it had a copy by then: the move was `ready` or further.
    package let isWarm: Bool
}

/// Who can take up a shard at once when its owner dies.
package enum StandbyQueries {
    /// Gives shards other standbys, those only that are named. Workers and gateways see it by the topology's version.
    package static func place(
        _ places: [StandbyPlace], term: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> StandbyOutcome {
        let result = try connection.execute(
            "SELECT outcome, changed, topology_version FROM fature_v2.place_standbys($1, $2::smallint[], $3)",
            [
                .int(term), .int8Array(places.map { Int64($0.shard.rawValue) }),
                .optionalInt8Array(places.map { $0.instance?.rawValue }),
            ], timeoutMilliseconds: timeoutMilliseconds)
        switch try result.text(0, 0) {
        case "placed": return .placed(try result.int(0, 1), topologyVersion: try result.optionalInt(0, 2))
        case "term_lost": return .termLost
        case let other:
            throw StoreError(.unexpectedAnswer, "placing standbys answered '\(other)', which this binary does not know")
        }
    }

    /// For each shard whose last move was aborted within so many milliseconds: that move.
    package static func lastAborted(
        withinMilliseconds age: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [AbortedTarget] {
        let result = try connection.execute(
            """
            SELECT move_id, shard_id, from_instance, to_instance, from_epoch, abort_reason, aborted_in <> 'preparing'
            FROM (
                SELECT DISTINCT ON (shard_id) * FROM fature_v2.shard_move
                WHERE ended_at > clock_timestamp() - $1 * interval '1 millisecond' ORDER BY shard_id, move_id DESC
            ) AS last
            WHERE state = 'aborted' ORDER BY shard_id
            """, [.int(age)], timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { row in
            AbortedTarget(
                move: try result.int(row, 0), shard: try ShardID(stored: result.int(row, 1)),
                source: WorkerInstanceID(try result.int(row, 2)), target: WorkerInstanceID(try result.int(row, 3)),
                fromEpoch: Epoch(try result.int(row, 4)), reason: try result.text(row, 5), isWarm: try result.bool(row, 6))
        }
    }
}
