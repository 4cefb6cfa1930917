import Core
import PostgresClient

/// Finds transactions that wait for their commissions without a job: the XADD was lost, Redis was, or another program wrote the row.
package enum TransactionSweep {
    /// How many of the oldest unprocessed transactions of a shard are looked at in one sweep.
    package static let perShardMax = 1000
    /// How many rows of other programs are adopted in one sweep.
    package static let adoptionMax = 1000

    /// Where to look, and how far.
    package struct Shard: Sendable {
        package var shard: ShardID
        /// Only transactions with higher numbers.
        package var after: Int64
        /// Only transactions that were accepted before, microseconds since 1970.
        package var acceptedBefore: Int64

        package init(shard: ShardID, after: Int64 = 0, acceptedBefore: Int64) {
            self.shard = shard
            self.after = after
            self.acceptedBefore = acceptedBefore
        }
    }

    /// The oldest unprocessed transactions of each shard, by number.
    ///
    /// At most `perShardMax` rows of a shard are read, however many wait.
    package static func waiting(_ shards: [Shard], on connection: PostgresConnection) throws -> [CommissionPayment.Order] {
        let result = try connection.execute(
            sql,
            [
                .int8Array(shards.map { Int64($0.shard.rawValue) }), .int8Array(shards.map(\.acceptedBefore)),
                .int8Array(shards.map(\.after)), .int(Int64(perShardMax)),
            ])
        return try (0..<result.rowCount).map { row in
            CommissionPayment.Order(
                transactionID: try result.int(row, 0), acceptedAtMicroseconds: try result.int(row, 1),
                shard: try ShardID(stored: result.int(row, 2)))
        }
    }

    /// Takes up rows that other programs have written. Returns how many were adopted, and how many became dead letters.
    package static func adopt(on connection: PostgresConnection) throws -> (adopted: Int64, refused: Int64) {
        let result = try connection.execute(
            "SELECT adopted, refused FROM fature_v2.adopt_transactions($1::integer)", [.int(Int64(adoptionMax))])
        return (try result.int(0, 0), try result.int(0, 1))
    }

    private static let sql = """
        SELECT t.transaction_id, t.accepted_at, w.shard_id
        FROM unnest($1, $2, $3) AS w (shard_id, accepted_before, after_id)
        CROSS JOIN LATERAL (
            SELECT oldest.transaction_id, (extract(epoch FROM oldest.accepted_at) * 1000000)::bigint AS accepted_at
            FROM (
                SELECT transaction_id, accepted_at FROM fature_v2.transactions
                WHERE shard_id = w.shard_id::smallint AND transaction_id > w.after_id
                    AND NOT commission_processed AND NOT commission_dead
                ORDER BY transaction_id LIMIT $4
            ) AS oldest
        ) AS t
        WHERE t.accepted_at < w.accepted_before
        """
}
