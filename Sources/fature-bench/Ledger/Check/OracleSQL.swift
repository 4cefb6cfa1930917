/// Counts of differences between the ledger and what it should be, each zero.
enum OracleSQL {
    static let checks: [(what: String, sql: String)] = [
        (
            "transactions not processed",
            "SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed OR commission_dead"
        ),
        ("external ids that have no key of their own", keys),
        ("entries missing, unexpected or with another amount", entries),
        ("affiliates whose totals are not the sums of their transactions and entries", totals),
        ("dead letters", "SELECT count(*) FROM fature_v2.dead_letter WHERE state = 'dead'"),
    ]

    private static let keys = """
        SELECT count(*) FROM fature_v2.transactions AS t
        FULL JOIN fature_v2.transaction_key AS k USING (transaction_id)
        WHERE t.external_transaction_id IS DISTINCT FROM k.external_transaction_id
        """

    /// The default plan: deposits and bets, five levels, active ancestors, rounded half away from zero. Nobody moves or changes status in the run, so
    /// the closure of now is that of then.
    private static let entries = """
        WITH expected AS (
            SELECT t.transaction_id, h.ancestor_id, h.level_distance, t.affiliate_id, t.amount AS base, r.rate,
                round(t.amount * r.rate, 2) AS amount
            FROM fature_v2.transactions AS t
            JOIN fature_v2.hierarchy_index AS h ON h.descendant_id = t.affiliate_id
            JOIN (VALUES (1, 0.05), (2, 0.03), (3, 0.02), (4, 0.01), (5, 0.005)) AS r (level, rate) ON r.level = h.level_distance
            JOIN fature_v2.affiliates_optimized AS a ON a.affiliate_id = h.ancestor_id
            WHERE a.status = 'active' AND t.transaction_type IN ('deposit', 'bet') AND round(t.amount * r.rate, 2) <> 0
        )
        SELECT count(*) FROM expected AS e
        FULL JOIN fature_v2.commissions AS c ON c.transaction_id = e.transaction_id AND c.beneficiary_id = e.ancestor_id
        WHERE e.transaction_id IS NULL OR c.transaction_id IS NULL OR c.ordinal <= 0 OR c.rule <> 'percentage' OR c.status <> 'pending'
            OR c.currency <> 'BRL' OR (c.level_distance, c.source_id, c.base_amount, c.rate, c.amount)
                IS DISTINCT FROM (e.level_distance::smallint, e.affiliate_id, e.base, e.rate, e.amount)
        """

    private static let totals = """
        WITH expected AS (
            SELECT id, sum(n) AS n, sum(deposits) AS deposits, sum(bets) AS bets, sum(ggr) AS ggr, sum(entries) AS entries, sum(earned) AS earned
            FROM (
                SELECT affiliate_id AS id, 1 AS n, CASE WHEN transaction_type = 'deposit' THEN amount ELSE 0 END AS deposits,
                    CASE WHEN transaction_type = 'bet' THEN amount ELSE 0 END AS bets,
                    CASE WHEN transaction_type = 'bet' THEN amount - winnings ELSE 0 END AS ggr, 0 AS entries, 0 AS earned
                FROM fature_v2.transactions
                UNION ALL
                SELECT beneficiary_id, 0, 0, 0, 0, 1, amount FROM fature_v2.commissions
            ) AS changes GROUP BY id
        )
        SELECT count(*) FROM expected AS e FULL JOIN fature_v2.affiliate_totals AS t ON t.affiliate_id = e.id
        WHERE (coalesce(e.n, 0), coalesce(e.deposits, 0), coalesce(e.bets, 0), coalesce(e.ggr, 0), coalesce(e.deposits + e.bets, 0),
                coalesce(e.entries, 0), coalesce(e.earned, 0), 0, 0, 0, 0, 0)
            IS DISTINCT FROM (coalesce(t.transactions_count, 0), coalesce(t.deposits, 0), coalesce(t.bets, 0), coalesce(t.ggr, 0),
                coalesce(t.lifetime_volume, 0), coalesce(t.commissions_count, 0), coalesce(t.commissions_earned, 0), coalesce(t.withdrawals, 0),
                coalesce(t.bonuses, 0), coalesce(t.commissions_paid, 0), coalesce(t.cpa_earned, 0), coalesce(t.revshare_earned, 0))
        """
}
