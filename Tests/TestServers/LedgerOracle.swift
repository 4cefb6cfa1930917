import PostgresClient

/// What the ledger must hold, computed set-wise by PostgreSQL from the accepted transactions alone, under the plan a new programme has.
///
/// To be asked when nothing is under way any more. It reads none of what the cluster derives but compares all of it: entries, totals, keys.
package enum LedgerOracle {
    /// The default plan: 5 / 3 / 2 / 1 / 0.5 % of deposits and bets.
    private static let expected = """
        WITH level (distance, rate) AS (VALUES (1, 0.05), (2, 0.03), (3, 0.02), (4, 0.01), (5, 0.005)),
        processed AS (
            SELECT * FROM fature_v2.transactions t WHERE commission_processed AND NOT EXISTS (
                SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id)
        ), expected AS MATERIALIZED (
            SELECT t.transaction_id, t.upline[l.distance] AS beneficiary_id, t.affiliate_id AS source_id, l.distance::smallint AS level_distance,
                t.amount AS base_amount, l.rate::numeric(5,4) AS rate, round(t.amount * l.rate, 2) AS amount, t.currency
            FROM processed t JOIN level l ON l.distance <= cardinality(t.upline)
            WHERE t.transaction_type IN ('deposit', 'bet') AND t.commission_eligible IS DISTINCT FROM false
                AND round(t.amount * l.rate, 2) <> 0 AND NOT coalesce(l.distance = ANY (t.upline_inactive), false)
        ), there AS MATERIALIZED (
            SELECT transaction_id, beneficiary_id, source_id, level_distance, base_amount, rate, amount, currency FROM fature_v2.commissions
        )
        """

    private static let totals = """
        sums AS (
            SELECT affiliate_id, sum(n) AS n, sum(deposits) AS deposits, sum(bets) AS bets, sum(withdrawals) AS withdrawals,
                sum(bonuses) AS bonuses, sum(ggr) AS ggr, sum(entries) AS entries, sum(earned) AS earned
            FROM (
                SELECT affiliate_id, count(*) AS n, coalesce(sum(amount) FILTER (WHERE transaction_type = 'deposit'), 0) AS deposits,
                    coalesce(sum(amount) FILTER (WHERE transaction_type = 'bet'), 0) AS bets,
                    coalesce(sum(amount) FILTER (WHERE transaction_type = 'withdrawal'), 0) AS withdrawals,
                    coalesce(sum(amount) FILTER (WHERE transaction_type = 'bonus'), 0) AS bonuses,
                    coalesce(sum(amount - winnings) FILTER (WHERE transaction_type = 'bet'), 0) AS ggr, 0 AS entries, 0 AS earned
                FROM processed GROUP BY affiliate_id
                UNION ALL
                SELECT beneficiary_id, 0, 0, 0, 0, 0, 0, count(*), sum(amount) FROM expected GROUP BY beneficiary_id
            ) AS parts GROUP BY affiliate_id
        )
        """

    /// Each promise that is broken, with the number of rows that break it; empty when all is well.
    package static func problems(_ connection: PostgresConnection) throws -> [String] {
        let broken = try connection.execute(
            """
            \(expected), \(totals), problem (what, rows) AS (
                SELECT 'accepted transactions not processed', count(*) FROM fature_v2.transactions
                WHERE NOT commission_processed AND NOT commission_dead
                UNION ALL
                SELECT 'external ids accepted twice', count(*) FROM (
                    SELECT FROM fature_v2.transactions WHERE NOT commission_dead GROUP BY external_transaction_id HAVING count(*) > 1) AS twice
                UNION ALL
                SELECT 'transactions without their key', count(*) FROM fature_v2.transactions t
                WHERE NOT t.commission_dead AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.transaction_key k
                    WHERE (k.external_transaction_id, k.transaction_id) = (t.external_transaction_id, t.transaction_id))
                UNION ALL
                SELECT 'keys without a transaction', count(*) FROM fature_v2.transaction_key k
                WHERE NOT EXISTS (SELECT 1 FROM fature_v2.transactions t WHERE t.transaction_id = k.transaction_id)
                UNION ALL
                SELECT 'transactions without an upline or a shard', count(*) FROM fature_v2.transactions
                WHERE NOT commission_dead AND (upline IS NULL OR shard_id IS NULL)
                UNION ALL
                SELECT 'commissions missing or wrong', count(*) FROM (SELECT * FROM expected EXCEPT ALL SELECT * FROM there) AS missing
                UNION ALL
                SELECT 'commissions too many or wrong', count(*) FROM (SELECT * FROM there EXCEPT ALL SELECT * FROM expected) AS extra
                UNION ALL
                SELECT 'commissions doubled', count(*) FROM (
                    SELECT FROM there GROUP BY transaction_id, level_distance HAVING count(*) > 1) AS doubled
                UNION ALL
                SELECT 'wrong running totals', count(*) FROM sums s FULL JOIN fature_v2.affiliate_totals a USING (affiliate_id)
                WHERE (coalesce(a.transactions_count, 0), coalesce(a.deposits, 0), coalesce(a.bets, 0), coalesce(a.withdrawals, 0),
                        coalesce(a.bonuses, 0), coalesce(a.ggr, 0), coalesce(a.lifetime_volume, 0), coalesce(a.commissions_count, 0),
                        coalesce(a.commissions_earned, 0))
                    <> (coalesce(s.n, 0), coalesce(s.deposits, 0), coalesce(s.bets, 0), coalesce(s.withdrawals, 0),
                        coalesce(s.bonuses, 0), coalesce(s.ggr, 0), coalesce(s.deposits + s.bets, 0), coalesce(s.entries, 0),
                        coalesce(s.earned, 0))
            )
            SELECT what, rows FROM problem WHERE rows > 0
            """)
        return try (0..<broken.rowCount).map { "\(try broken.int($0, 1)) × \(try broken.text($0, 0))" }
    }

    /// Transactions whose upline is not the present one: for a network in which nobody moves, joins above others or changes status.
    package static func uplineProblems(_ connection: PostgresConnection) throws -> [String] {
        let wrong = try connection.execute(
            """
            WITH RECURSIVE pair (descendant, ancestor, distance) AS (
                SELECT affiliate_id, parent_affiliate_id, 1 FROM fature_v2.affiliates_optimized WHERE parent_affiliate_id IS NOT NULL
                UNION ALL
                SELECT p.descendant, a.parent_affiliate_id, p.distance + 1
                FROM pair p JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = p.ancestor WHERE a.parent_affiliate_id IS NOT NULL
            ), upline AS (
                SELECT descendant, array_agg(ancestor ORDER BY distance) AS ids,
                    array_agg(distance::smallint ORDER BY distance) FILTER (WHERE s.status <> 'active') AS inactive
                FROM pair JOIN fature_v2.affiliates_optimized s ON s.affiliate_id = ancestor GROUP BY descendant
            )
            SELECT count(*) FROM fature_v2.transactions t LEFT JOIN upline u ON u.descendant = t.affiliate_id
            WHERE NOT t.commission_dead
                AND (t.upline IS DISTINCT FROM coalesce(u.ids, '{}') OR t.upline_inactive IS DISTINCT FROM u.inactive)
            """
        ).int(0, 0)
        return wrong == 0 ? [] : ["\(wrong) × wrong upline"]
    }
}
