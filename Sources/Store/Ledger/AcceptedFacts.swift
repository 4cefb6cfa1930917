import Core
import PostgresClient

/// What counts when an external id comes again: the facts of the transaction that has it.
struct AcceptedFacts {
    var affiliate: AffiliateID
    var type: TransactionType
    var amount: Money
    var winnings: Money
    var currency: String
    var dateMicroseconds: Int64
    var isEligible: Bool?
    var acceptedAtMicroseconds: Int64

    init(_ item: NewTransaction, acceptedAtMicroseconds: Int64) {
        affiliate = item.affiliate
        type = item.type
        amount = item.amount
        winnings = item.winnings
        currency = item.currency
        dateMicroseconds = item.dateMicroseconds ?? acceptedAtMicroseconds
        isEligible = item.isEligible
        self.acceptedAtMicroseconds = acceptedAtMicroseconds
    }

    private init(_ result: PostgresResult, _ row: Int) throws {
        let word = try result.text(row, 2)
        guard let type = TransactionType(name: word) else {
            throw StoreError(.unexpectedAnswer, "the database has a transaction of the type '\(word)'")
        }
        affiliate = AffiliateID(try result.int(row, 1))
        self.type = type
        amount = Money(minorUnits: try result.int(row, 3))
        winnings = Money(minorUnits: try result.int(row, 4))
        currency = try result.text(row, 5)
        dateMicroseconds = try result.int(row, 6)
        isEligible = try result.optionalBool(row, 7)
        acceptedAtMicroseconds = try result.int(row, 8)
    }

    /// Whether the same transaction is told again. Date and eligibility count where they are given; metadata never does.
    func agree(with item: NewTransaction) -> Bool {
        affiliate == item.affiliate && type == item.type && amount == item.amount && winnings == item.winnings
            && currency == item.currency && item.dateMicroseconds ?? dateMicroseconds == dateMicroseconds
            && (item.isEligible == nil || item.isEligible == isEligible)
    }

    /// Of a number that stands twice the row a worker accepted, which comes last.
    static func read(_ ids: [Int64], on connection: PostgresConnection) throws -> [Int64: AcceptedFacts] {
        guard !ids.isEmpty else { return [:] }
        let result = try connection.execute(sql, [.int8Array(ids)])
        var facts: [Int64: AcceptedFacts] = [:]
        for row in 0..<result.rowCount { facts[try result.int(row, 0)] = try AcceptedFacts(result, row) }
        return facts
    }

    private static let sql = """
        SELECT transaction_id, affiliate_id, transaction_type, (amount * 100)::bigint, (winnings * 100)::bigint, currency,
            (extract(epoch FROM transaction_date) * 1000000)::bigint, commission_eligible,
            (extract(epoch FROM accepted_at) * 1000000)::bigint
        FROM fature_v2.transactions WHERE transaction_id = ANY ($1) ORDER BY (shard_id IS NULL) DESC, accepted_at DESC
        """
}
