import Commission
import Core
import PostgresClient

/// A transaction that is marked as processed by the database transaction that holds it, and whose commissions go into the same.
struct ClaimedTransaction {
    var id: Int64
    var source: AffiliateID
    var shard: ShardID
    var facts: TransactionFacts
    var currency: String
    /// Microseconds since 1970.
    var date: Int64
    /// Nearest first.
    var upline: [AffiliateID] = []
    var inactiveDistances: [Int16] = []

    /// Claims those of the transactions that are unprocessed, in ascending order; others that claim the same wait for us, or we for them.
    ///
    /// - Parameter acceptedAt: between the first and the last of these moments the transactions were accepted, microseconds since 1970: it
    ///   spares the months before and after.
    static func claim(
        _ ids: [Int64], acceptedAt: ClosedRange<Int64>, on connection: PostgresConnection
    ) throws -> [ClaimedTransaction] {
        let result = try connection.execute(
            sql, [.int8Array(ids.sorted()), .int(acceptedAt.lowerBound), .int(acceptedAt.upperBound)])
        var claimed: [ClaimedTransaction] = []
        claimed.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount { claimed.append(try ClaimedTransaction(result, row)) }
        return claimed
    }

    private init(_ result: PostgresResult, _ row: Int) throws {
        let word = try result.text(row, 2)
        guard let type = TransactionType(name: word) else {
            throw StoreError(.unexpectedAnswer, "the database has a transaction of the type '\(word)'")
        }
        id = try result.int(row, 0)
        source = AffiliateID(try result.int(row, 1))
        facts = TransactionFacts(
            type: type, amount: Money(minorUnits: try result.int(row, 3)), winnings: Money(minorUnits: try result.int(row, 4)),
            isCommissionEligible: try result.optionalBool(row, 6) ?? type.isCommissionEligibleByDefault)
        currency = try result.text(row, 5)
        date = try result.int(row, 7)
        shard = try ShardID(stored: result.int(row, 8))
        var upline: [AffiliateID] = []
        try result.forEachInt(row, 9) { upline.append(AffiliateID($0)) }
        self.upline = upline
        guard try !result.isNull(row, 10) else { return }
        var inactive: [Int16] = []
        try result.forEachInt(row, 10) { inactive.append(Int16(clamping: $0)) }
        inactiveDistances = inactive
    }

    /// The flags are asked in a way that does not speak of the outbox index, which would be read from end to end: rows are found by number.
    private static let sql = """
        UPDATE fature_v2.transactions SET commission_processed = true
        WHERE transaction_id = ANY ($1) AND (commission_processed OR commission_dead) IS FALSE AND upline IS NOT NULL
            AND accepted_at >= timestamptz 'epoch' + $2 * interval '1 microsecond'
            AND accepted_at <= timestamptz 'epoch' + $3 * interval '1 microsecond'
        RETURNING transaction_id, affiliate_id, transaction_type, (amount * 100)::bigint, (winnings * 100)::bigint, currency,
            commission_eligible, (extract(epoch FROM transaction_date) * 1000000)::bigint, shard_id, upline, upline_inactive
        """
}
