import PostgresClient
import TestServers

/// What SQL says of the ledger, each row as a line of its columns' texts.
struct LedgerFigures {
    let connection: PostgresConnection

    func rows(_ sql: String, _ parameters: [PostgresValue] = []) throws -> [String] {
        let result = try connection.execute(sql, parameters)
        return try (0..<result.rowCount).map { row in
            try (0..<result.columnCount).map { try result.optionalText(row, $0) ?? "null" }.joined(separator: " ")
        }
    }

    func row(_ sql: String, _ parameters: [PostgresValue] = []) throws -> String {
        let rows = try rows(sql, parameters)
        guard rows.count == 1 else { throw TestServerError("\(rows.count) rows and not one: \(sql)") }
        return rows[0]
    }

    private static let columns = """
        transaction_id || '-' || ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, status,
        plan_version
        """

    /// Entries, newest first.
    func entries(where condition: String) throws -> [String] {
        try rows(
            """
            SELECT \(Self.columns) FROM fature_v2.commissions WHERE \(condition)
            ORDER BY created_at DESC, transaction_id DESC, ordinal DESC
            """)
    }

    /// Entries of a transaction, in their order.
    func entries(of transaction: Int64) throws -> [String] {
        try rows(
            """
            SELECT \(Self.columns) FROM fature_v2.commissions WHERE transaction_id = \(transaction)
            ORDER BY ordinal < 0, abs(ordinal)
            """)
    }

    /// How many entries there are and their sum, without what is cancelled.
    func totals(where condition: String) throws -> String {
        try row("SELECT count(*), coalesce(sum(amount), 0.00) FROM fature_v2.commissions WHERE \(condition)")
    }

    /// The names of running totals in JSON, in the order of `runningTotals`.
    static let totalNames = [
        "transactions_count", "commissions_count", "deposits", "bets", "withdrawals", "bonuses", "ggr", "lifetime_volume",
        "commissions_earned", "commissions_paid", "cpa_earned", "revshare_earned",
    ]

    /// What the running totals of an affiliate have to be, out of transactions and entries alone.
    func runningTotals(_ affiliate: Int64) throws -> String {
        try row(
            """
            WITH mine AS (
                SELECT * FROM fature_v2.transactions t WHERE affiliate_id = $1 AND commission_processed AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id)
            ), earned AS (
                SELECT * FROM fature_v2.commissions WHERE beneficiary_id = $1 AND status <> 'cancelled'
            )
            SELECT (SELECT count(*) FROM mine), (SELECT count(*) FROM earned), \(Self.sum("amount", "deposit")), \(Self.sum("amount", "bet")),
                \(Self.sum("amount", "withdrawal")), \(Self.sum("amount", "bonus")), \(Self.sum("amount - winnings", "bet")),
                \(Self.sum("amount", "deposit', 'bet")), (SELECT coalesce(sum(amount), 0.00) FROM earned),
                (SELECT coalesce(sum(amount), 0.00) FROM earned WHERE status = 'paid'),
                (SELECT coalesce(sum(amount), 0.00) FROM earned WHERE rule = 'cpa'),
                (SELECT coalesce(sum(amount), 0.00) FROM earned WHERE rule = 'revshare')
            """, [.int(affiliate)])
    }

    private static func sum(_ what: String, _ types: String) -> String {
        "(SELECT coalesce(sum(\(what)), 0.00) FROM mine WHERE transaction_type IN ('\(types)'))"
    }

    /// `rank affiliate value` of the highest, out of transactions and entries alone.
    func ranking(_ metric: String, limit: Int) throws -> [String] {
        let sums =
            metric == "volume"
            ? """
            SELECT affiliate_id AS id, sum(amount) AS value FROM fature_v2.transactions t
            WHERE commission_processed AND transaction_type IN ('deposit', 'bet') AND NOT EXISTS (
                SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id)
            GROUP BY affiliate_id
            """
            : "SELECT beneficiary_id AS id, sum(amount) AS value FROM fature_v2.commissions WHERE status <> 'cancelled' GROUP BY beneficiary_id"
        return try rows(
            """
            SELECT row_number() OVER (ORDER BY value DESC, id), id, value FROM (\(sums)) AS s WHERE value > 0
            ORDER BY value DESC, id LIMIT \(limit)
            """)
    }
}
