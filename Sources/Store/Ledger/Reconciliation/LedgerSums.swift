/// Sums that the ledger keeps beside its entries, computed anew.
///
/// Whoever changes an entry changes its sums in the same transaction. So the difference between a stored sum and the true one is the same at
/// every moment, however much is paid meanwhile, and taking a difference away that an older snapshot has shown is right at any later time.
enum LedgerSums {
    /// The columns of `affiliate_totals`.
    static let columns = [
        "transactions_count", "deposits", "bets", "withdrawals", "bonuses", "ggr", "lifetime_volume", "commissions_count",
        "commissions_earned",
        "commissions_paid", "cpa_earned", "revshare_earned",
    ]

    /// Makes `oracle_totals`: each affiliate for whom a stored sum is not the true one, with the differences to add.
    static let makeTotals = """
        CREATE TEMP TABLE oracle_totals ON COMMIT DROP AS
        SELECT affiliate_id, \(columns.map { "coalesce(x.\($0), 0) - coalesce(t.\($0), 0) AS \($0)" }.joined(separator: ", "))
        FROM (
            SELECT affiliate_id, \(columns.map { "coalesce(\($0), 0) AS \($0)" }.joined(separator: ", "))
            FROM (
                SELECT t.affiliate_id, count(*) AS transactions_count, \(volume("deposit")) AS deposits, \(volume("bet")) AS bets,
                    \(volume("withdrawal")) AS withdrawals, \(volume("bonus")) AS bonuses,
                    sum(t.amount - t.winnings) FILTER (WHERE t.transaction_type = 'bet') AS ggr,
                    sum(t.amount) FILTER (WHERE t.transaction_type IN ('deposit', 'bet')) AS lifetime_volume
                FROM fature_v2.transactions t
                WHERE t.commission_processed
                    AND NOT EXISTS (SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id)
                GROUP BY t.affiliate_id
            ) AS done
            FULL JOIN (
                SELECT c.beneficiary_id AS affiliate_id, count(*) AS commissions_count, sum(c.amount) AS commissions_earned,
                    sum(c.amount) FILTER (WHERE c.status = 'paid') AS commissions_paid, sum(c.amount) FILTER (WHERE c.rule = 'cpa') AS cpa_earned,
                    sum(c.amount) FILTER (WHERE c.rule = 'revshare') AS revshare_earned
                FROM fature_v2.commissions c WHERE c.status <> 'cancelled' GROUP BY c.beneficiary_id
            ) AS earned USING (affiliate_id)
        ) AS x
        FULL JOIN fature_v2.affiliate_totals t USING (affiliate_id)
        WHERE (\(columns.map { "coalesce(x.\($0), 0)" }.joined(separator: ", "))) <> (\(columns.map { "coalesce(t.\($0), 0)" }
            .joined(separator: ", ")))
        """

    private static func volume(_ type: String) -> String { "sum(t.amount) FILTER (WHERE t.transaction_type = '\(type)')" }

    /// A row for each column of each such affiliate.
    static let wrongTotals = """
        SELECT 'affiliate ' || o.affiliate_id || ' ' || d.name AS what, (coalesce(d.stored, 0) + d.difference)::text AS expected,
            coalesce(d.stored::text, 'no row') AS found, CASE WHEN d.name LIKE '%\\_count' THEN 0 ELSE abs(d.difference) END AS amount
        FROM oracle_totals o
        LEFT JOIN fature_v2.affiliate_totals t ON t.affiliate_id = o.affiliate_id
        CROSS JOIN LATERAL (VALUES \(columns.map { "('\($0)', t.\($0)::numeric, o.\($0)::numeric)" }.joined(separator: ", ")))
            AS d (name, stored, difference)
        WHERE d.difference <> 0
        """

    /// Makes `oracle_usage`: each beneficiary and month whose stored usage is not the sum of the entries, with the difference to add. What is
    /// cancelled or reversed later has been used all the same: it makes no room under the cap.
    static let makeUsage = """
        CREATE TEMP TABLE oracle_usage ON COMMIT DROP AS
        SELECT beneficiary_id, month, coalesce(x.amount, 0) - coalesce(u.amount, 0) AS difference
        FROM (
            SELECT c.beneficiary_id, date_trunc('month', t.transaction_date AT TIME ZONE 'UTC')::date AS month, sum(c.amount) AS amount
            FROM oracle_plan p
            JOIN fature_v2.transactions t ON t.transaction_date >= p.holds_from AND t.transaction_date < p.holds_to
            JOIN fature_v2.commissions c ON c.transaction_id = t.transaction_id AND c.rule = 'percentage' AND c.ordinal > 0
            WHERE p.month_cap IS NOT NULL
            GROUP BY 1, 2
        ) AS x
        FULL JOIN fature_v2.commission_cap_usage u USING (beneficiary_id, month)
        WHERE coalesce(x.amount, 0) <> coalesce(u.amount, 0)
        """

    static let wrongCapUsage = """
        SELECT o.beneficiary_id || ' in ' || o.month AS what, (coalesce(u.amount, 0) + o.difference)::text AS expected,
            coalesce(u.amount, 0)::text AS found, abs(o.difference) AS amount
        FROM oracle_usage o LEFT JOIN fature_v2.commission_cap_usage u USING (beneficiary_id, month)
        """
}
