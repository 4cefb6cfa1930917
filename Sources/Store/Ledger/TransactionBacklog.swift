import Core
import PostgresClient

/// Transactions whose commissions wait.
package struct TransactionBacklog: Sendable, Equatable {
    /// Accepted, neither processed nor dead.
    package let count: Int64
    /// Of these, rows of other programs that nobody has adopted yet.
    package let notAdopted: Int64
    /// When the first of them was accepted, microseconds since 1970 UTC.
    package let oldestMicroseconds: Int64?

    /// Whether none waits: one row of the outbox's index is looked at.
    package static func isEmpty(on connection: PostgresConnection) throws -> Bool {
        try connection.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead)"
        ).bool(0, 0)
    }

    /// Reads the outbox: as many rows of an index as there are transactions waiting.
    package init(on connection: PostgresConnection) throws {
        let result = try connection.execute(
            """
            SELECT count(*), count(*) FILTER (WHERE shard_id IS NULL), (extract(epoch FROM min(accepted_at)) * 1000000)::bigint
            FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead
            """)
        count = try result.int(0, 0)
        notAdopted = try result.int(0, 1)
        oldestMicroseconds = try result.optionalInt(0, 2)
    }

    /// Those of these transactions that wait for their commissions, with what their jobs need.
    package static func orders(of ids: [Int64], on connection: PostgresConnection) throws -> [CommissionPayment.Order] {
        let result = try connection.execute(
            """
            SELECT transaction_id, (extract(epoch FROM accepted_at) * 1000000)::bigint, shard_id FROM fature_v2.transactions
            WHERE transaction_id = ANY ($1) AND shard_id IS NOT NULL AND NOT commission_processed AND NOT commission_dead
            ORDER BY transaction_id
            """, [.int8Array(ids)])
        return try (0..<result.rowCount).map { row in
            CommissionPayment.Order(
                transactionID: try result.int(row, 0), acceptedAtMicroseconds: try result.int(row, 1),
                shard: try ShardID(stored: result.int(row, 2)))
        }
    }
}

/// How far the commissions of one transaction are.
package struct TransactionProgress: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case accepted
        case processed
        case reversed
        case dead
    }

    package let state: State
    /// Nil while nobody has adopted it.
    package let shard: ShardID?
    /// Microseconds since 1970 UTC.
    package let acceptedAtMicroseconds: Int64

    /// Nil if there is no such transaction.
    package static func of(_ id: Int64, on connection: PostgresConnection) throws -> TransactionProgress? {
        let result = try connection.execute(
            """
            SELECT t.shard_id, (extract(epoch FROM t.accepted_at) * 1000000)::bigint,
                CASE WHEN EXISTS (SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id) THEN 'reversed'
                    WHEN t.commission_processed THEN 'processed' WHEN t.commission_dead THEN 'dead' ELSE 'accepted' END
            FROM fature_v2.transactions t WHERE t.transaction_id = $1 ORDER BY (t.shard_id IS NULL), t.accepted_at LIMIT 1
            """, [.int(id)])
        guard result.rowCount > 0 else { return nil }
        let word = try result.text(0, 2)
        guard let state = State(rawValue: word) else {
            throw StoreError(.unexpectedAnswer, "a transaction's state is '\(word)', which this binary does not know")
        }
        return TransactionProgress(
            state: state, shard: try result.optionalInt(0, 0).map { try ShardID(stored: $0) },
            acceptedAtMicroseconds: try result.int(0, 1))
    }
}
