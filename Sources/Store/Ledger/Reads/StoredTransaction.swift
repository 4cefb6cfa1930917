import Core
import PostgresClient

/// A transaction as the ledger has it. Amounts are decimal texts, moments microseconds since 1970.
package struct StoredTransaction: Sendable {
    /// Where it is on its way (`docs/design/transactions.md`).
    package enum State: String, Sendable {
        case accepted
        case processed
        case dead
        case reversed
    }

    package struct Reversal: Sendable {
        package var reason: String
        package var actor: String
        package var reversedAt: Int64
        /// Whether its commissions had been computed.
        package var wasPaid: Bool
    }

    /// Why its commissions could not be computed.
    package struct DeadLetter: Sendable {
        package var cause: String
        package var error: String
        package var deadAt: Int64
    }

    package var id: Int64
    package var externalID: String
    package var affiliate: Int64
    package var type: TransactionType
    package var amount: String
    package var winnings: String
    package var currency: String
    package var date: Int64
    package var acceptedAt: Int64
    package var isEligible: Bool
    /// JSON.
    package var metadata: String?
    /// Nearest first; nil in a row of another program that has not been adopted.
    package var upline: [Int64]?
    /// Level distances of those that were not active, ascending.
    package var inactiveDistances: [Int16]
    package var isProcessed: Bool
    package var isDead: Bool
    package var reversal: Reversal?
    package var deadLetter: DeadLetter?

    package var state: State { reversal != nil ? .reversed : isProcessed ? .processed : isDead ? .dead : .accepted }

    /// The transaction with a number, or nil. Where another program has used the number again, it is that of a worker.
    package static func find(
        _ id: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> StoredTransaction? {
        let result = try connection.execute(sql, [.int(id)], timeoutMilliseconds: timeoutMilliseconds)
        return result.rowCount == 0 ? nil : try StoredTransaction(result)
    }

    private init(_ result: PostgresResult) throws {
        let word = try result.text(0, 3)
        guard let type = TransactionType(name: word) else {
            throw StoreError(.unexpectedAnswer, "the database has a transaction of the type '\(word)'")
        }
        id = try result.int(0, 0)
        externalID = try result.text(0, 1)
        affiliate = try result.int(0, 2)
        self.type = type
        amount = try result.text(0, 4)
        winnings = try result.text(0, 5)
        currency = try result.text(0, 6)
        date = try result.int(0, 7)
        acceptedAt = try result.int(0, 8)
        isEligible = try result.optionalBool(0, 9) ?? type.isCommissionEligibleByDefault
        metadata = try result.optionalText(0, 10)
        upline = try result.isNull(0, 11) ? nil : result.intArray(0, 11).compactMap(\.self)
        inactiveDistances = try result.isNull(0, 12) ? [] : result.intArray(0, 12).compactMap { $0.map { Int16(clamping: $0) } }
        isProcessed = try result.bool(0, 13)
        isDead = try result.bool(0, 14)
        if let reason = try result.optionalText(0, 15) {
            reversal = Reversal(
                reason: reason, actor: try result.text(0, 16), reversedAt: try result.int(0, 17), wasPaid: try result.bool(0, 18))
        }
        if let cause = try result.optionalText(0, 19) {
            deadLetter = DeadLetter(cause: cause, error: try result.text(0, 20), deadAt: try result.int(0, 21))
        }
    }

    private static let sql = """
        SELECT t.transaction_id, t.external_transaction_id, t.affiliate_id, t.transaction_type, t.amount::text, t.winnings::text,
            t.currency, \(microseconds("t.transaction_date")), \(microseconds("t.accepted_at")), t.commission_eligible,
            t.metadata::text, t.upline, t.upline_inactive, t.commission_processed, t.commission_dead, r.reason, r.actor,
            \(microseconds("r.reversed_at")), r.was_paid, d.cause, d.error, \(microseconds("d.dead_at"))
        FROM fature_v2.transactions t
        LEFT JOIN fature_v2.transaction_reversal r ON r.transaction_id = t.transaction_id
        LEFT JOIN fature_v2.dead_letter d
            ON t.commission_dead AND d.queue = 'commission' AND d.job_id = t.transaction_id::text AND d.state = 'dead'
        WHERE t.transaction_id = $1 ORDER BY (t.shard_id IS NULL), t.accepted_at LIMIT 1
        """
}

/// A moment as the ledger's reads have it: whole microseconds since 1970.
func microseconds(_ column: String) -> String { "(extract(epoch FROM \(column)) * 1000000)::bigint" }
