import Core
import PostgresClient

/// The epoch fence for many shards at once: what one worker may write in the transaction that takes it.
package struct ShardFence: Sendable {
    package var owner: WorkerInstanceID
    /// Each shard once.
    package var shards: [(shard: ShardID, epoch: Epoch)]

    package init(owner: WorkerInstanceID, shards: [(shard: ShardID, epoch: Epoch)]) {
        self.owner = owner
        self.shards = shards
    }

    /// Which of the shards are this owner's at these epochs, held `FOR SHARE` until the transaction ends.
    package func held(on connection: PostgresConnection) throws -> Set<ShardID> { try take(on: connection).held }

    /// Which of the shards are this owner's at these epochs, held `FOR SHARE` until the transaction ends, and the server's time.
    ///
    /// Locks are taken in ascending order. To be called first in a READ COMMITTED transaction.
    func take(on connection: PostgresConnection) throws -> (held: Set<ShardID>, nowMicroseconds: Int64) {
        let result = try connection.execute(
            Self.sql,
            [
                .int8Array(shards.map { Int64($0.shard.rawValue) }), .int8Array(shards.map(\.epoch.rawValue)),
                .int(owner.rawValue),
            ])
        var held: Set<ShardID> = []
        var now: Int64 = 0
        for row in 0..<result.rowCount {
            held.insert(try ShardID(stored: result.int(row, 0)))
            now = try result.int(row, 1)
        }
        return (held, now)
    }

    private static let sql = """
        SELECT s.id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        FROM fature_v2.shard AS s
        WHERE s.owner = $3 AND (s.id, s.epoch) IN (SELECT id::smallint, epoch FROM unnest($1, $2) AS wanted (id, epoch))
        ORDER BY s.id FOR SHARE OF s
        """
}
