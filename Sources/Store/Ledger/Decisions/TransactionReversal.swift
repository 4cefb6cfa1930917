import Core
import PostgresClient

/// Takes a transaction back: each of its entries gets its mirror, the running totals go back. Asked for again it changes nothing and answers
/// as the first time, so after a lost answer it is simply asked for again.
package struct TransactionReversal: Sendable, Equatable {
    package var transaction: Int64
    /// Of the reversal that was done, which is not this one's if it had been done before.
    package var reason: String
    /// Microseconds since 1970.
    package var reversedAt: Int64
    /// Whether commissions had been computed; if not, they never will be.
    package var wasPaid: Bool
    /// How many mirrors there are, and their sum as a decimal text.
    package var entriesCount: Int64
    package var amount: String
    /// Whether it was this call that did it.
    package var isNew: Bool

    /// Returns nil if there is no such transaction.
    package static func perform(
        _ transaction: Int64, reason: String, origin: ChangeOrigin, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> TransactionReversal? {
        let result = try connection.execute(
            sql, [.int(transaction), .text(reason), .text(origin.actor), .optionalText(origin.requestID)],
            timeoutMilliseconds: timeoutMilliseconds)
        let outcome = try result.text(0, 0)
        switch outcome {
        case "unknown_transaction": return nil
        case "reversed", "repeated":
            return TransactionReversal(
                transaction: transaction, reason: try result.text(0, 1), reversedAt: try result.int(0, 2),
                wasPaid: try result.bool(0, 3),
                entriesCount: try result.int(0, 4), amount: try result.text(0, 5), isNew: outcome == "reversed")
        default: throw StoreError(.unexpectedAnswer, "a reversal came to '\(outcome)', which this binary does not know")
        }
    }

    private static let sql = """
        SELECT outcome, reason, \(microseconds("reversed_at")), was_paid, entries_count, amount::numeric(20,2)::text
        FROM fature_v2.reverse_transaction($1::bigint, $2::text, $3::text, $4::text)
        """
}
