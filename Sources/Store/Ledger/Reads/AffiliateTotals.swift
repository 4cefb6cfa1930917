import Core
import PostgresClient

/// The running totals of an affiliate. Amounts are decimal texts.
package struct AffiliateTotals: Sendable {
    package var affiliate: Int64
    package var transactionsCount: Int64
    package var commissionsCount: Int64
    /// The amounts by their names in JSON, in their order there.
    package var amounts: [(name: StaticString, amount: String)]

    private static let names: [StaticString] = [
        "deposits", "bets", "withdrawals", "bonuses", "ggr", "lifetime_volume", "commissions_earned", "commissions_paid",
        "cpa_earned",
        "revshare_earned",
    ]

    /// An affiliate's totals, all zero where nothing has happened yet; nil if there is no such affiliate.
    package static func find(
        _ id: AffiliateID, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> AffiliateTotals? {
        let result = try connection.execute(sql, [.int(id.rawValue)], timeoutMilliseconds: timeoutMilliseconds)
        guard result.rowCount == 1 else { return nil }
        return AffiliateTotals(
            affiliate: id.rawValue, transactionsCount: try result.int(0, 0), commissionsCount: try result.int(0, 1),
            amounts: try names.enumerated().map { ($1, try result.text(0, $0 + 2)) })
    }

    private static let sql = """
        SELECT coalesce(t.transactions_count, 0), coalesce(t.commissions_count, 0),
            \(names.map { "coalesce(t.\($0), 0.00)::text" }.joined(separator: ", "))
        FROM fature_v2.affiliates_optimized a LEFT JOIN fature_v2.affiliate_totals t ON t.affiliate_id = a.affiliate_id
        WHERE a.affiliate_id = $1
        """
}
