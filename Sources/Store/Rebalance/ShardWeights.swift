import Core
import PostgresClient

/// What a rebalance counts as a shard's weight.
package enum ShardWeightKind: String, Sendable, CaseIterable {
    /// Its affiliates.
    case affiliates
    /// Its part of the newest transactions.
    case traffic
    /// Transactions that wait for their commissions.
    case jobs
}

/// The weights of all shards, at one moment.
package enum ShardWeights {
    /// So many of the newest transactions are looked at.
    package static let transactionsMax = 100_000
    /// So many waiting transactions of one shard are counted.
    package static let waitingMax = 10_000

    /// By shard number. For `affiliates` those of `weighedShards` are meant: ask there.
    package static func read(_ kind: ShardWeightKind, on connection: PostgresConnection) throws -> [Int64] {
        let result: PostgresResult
        switch kind {
        case .affiliates:
            result = try connection.execute("SELECT shard_id, affiliates_count FROM fature_v2.shard_sequence")
        case .traffic:
            // Numbers rise with time, but for the blocks of a thousand that workers hand out.
            result = try connection.execute(
                """
                SELECT newest.shard_id, count(*)
                FROM (SELECT shard_id FROM fature_v2.transactions ORDER BY transaction_id DESC LIMIT $1) AS newest
                WHERE newest.shard_id IS NOT NULL GROUP BY newest.shard_id
                """, [.int(Int64(transactionsMax))])
        case .jobs:
            result = try connection.execute(
                """
                SELECT s.id, (
                    SELECT count(*) FROM (
                        SELECT 1 FROM fature_v2.transactions t
                        WHERE t.shard_id = s.id AND NOT t.commission_processed AND NOT t.commission_dead LIMIT $1
                    ) AS waiting)
                FROM fature_v2.shard s
                """, [.int(Int64(waitingMax))])
        }
        var weights = [Int64](repeating: 0, count: ShardID.count)
        for row in 0..<result.rowCount {
            weights[Int(try ShardID(stored: result.int(row, 0)).rawValue)] = try result.int(row, 1)
        }
        return weights
    }
}
