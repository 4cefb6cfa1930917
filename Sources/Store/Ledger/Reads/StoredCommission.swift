import Core
import PostgresClient

/// An entry of the ledger. Amounts and rates are decimal texts, moments microseconds since 1970.
package struct StoredCommission: Sendable {
    package var id: CommissionID
    package var beneficiary: Int64
    package var source: Int64
    package var levelDistance: Int64
    package var rule: String
    package var base: String
    package var rate: String
    package var amount: String
    package var currency: String
    package var status: CommissionStatus
    package var planVersion: Int64
    package var batch: Int64?
    package var createdAt: Int64

    /// In the order `init` reads them.
    static let columns = """
        c.transaction_id, c.ordinal, c.beneficiary_id, c.source_id, c.level_distance, c.rule, c.base_amount::text, c.rate::text,
        c.amount::text, c.currency, c.status, c.plan_version, c.batch_id, \(microseconds("c.created_at"))
        """

    init(_ result: PostgresResult, _ row: Int) throws {
        let word = try result.text(row, 10)
        guard let status = CommissionStatus(name: word), let ordinal = Int16(exactly: try result.int(row, 1)) else {
            throw StoreError(.unexpectedAnswer, "the database has a commission of the status '\(word)'")
        }
        id = CommissionID(transaction: try result.int(row, 0), ordinal: ordinal)
        beneficiary = try result.int(row, 2)
        source = try result.int(row, 3)
        levelDistance = try result.int(row, 4)
        rule = try result.text(row, 5)
        base = try result.text(row, 6)
        rate = try result.text(row, 7)
        amount = try result.text(row, 8)
        currency = try result.text(row, 9)
        self.status = status
        planVersion = try result.int(row, 11)
        batch = try result.optionalInt(row, 12)
        createdAt = try result.int(row, 13)
    }

    /// All entries of a transaction: those it made in the order of their ordinals, then their reversals.
    package static func ofTransaction(
        _ id: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [StoredCommission] {
        let result = try connection.execute(
            """
            SELECT \(columns) FROM fature_v2.commissions c WHERE c.transaction_id = $1 ORDER BY c.ordinal < 0, abs(c.ordinal)
            """, [.int(id)], timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { try StoredCommission(result, $0) }
    }
}
