import PostgresClient
import Store
import Testing

/// What RevShare has to be, by PostgreSQL's numeric alone: ancestor by ancestor, and by another way than the ledger's. A period gets what
/// counts of everything up to its end, less what the periods before it got.
struct RevShareOracle {
    let terms: RevShareFixture.Terms

    func create(on connection: PostgresConnection) throws {
        try connection.executeScript(
            """
            CREATE TABLE oracle_fed (period date, beneficiary bigint, level bigint, ggr numeric, deposits numeric, bonuses numeric);
            CREATE TABLE oracle_settlement (
                period date, beneficiary bigint, ngr numeric, carried_in numeric, carried_out numeric, amount numeric);
            CREATE FUNCTION oracle_round(x numeric) RETURNS numeric LANGUAGE sql AS $$
                SELECT round(x, 2) - CASE WHEN \(terms.roundsToEven) AND abs(mod(x * 100, 2)) = 0.5 THEN sign(x) * 0.01 ELSE 0 END
            $$
            """)
    }

    /// Computes a month from the transactions as they are now.
    func settle(_ month: String, previous: String?, on connection: PostgresConnection) throws {
        func fraction(_ percent: String) -> String { "(\(percent.dropLast()) / 100.0)" }
        let level =
            terms.compresses
            ? "(SELECT count(*) FROM generate_series(1, d) AS e WHERE e <> ALL (coalesce(upline_inactive, '{}')))" : "d"
        let before = previous.map { "date '\($0)-01'" } ?? "NULL::date"
        try connection.executeScript(
            """
            INSERT INTO oracle_fed
            SELECT date '\(month)-01', beneficiary, level, sum(ggr), sum(deposits), sum(bonuses) FROM (
                SELECT upline[d] AS beneficiary, \(level) AS level,
                    CASE transaction_type WHEN 'bet' THEN amount - winnings ELSE 0 END AS ggr,
                    CASE transaction_type WHEN 'deposit' THEN amount ELSE 0 END AS deposits,
                    CASE transaction_type WHEN 'bonus' THEN amount ELSE 0 END AS bonuses
                FROM fature_v2.transactions AS t, generate_series(1, cardinality(upline)) AS d
                WHERE commission_processed AND NOT commission_dead AND coalesce(commission_eligible, true)
                    AND transaction_id NOT IN (SELECT transaction_id FROM fature_v2.transaction_reversal)
                    AND transaction_date >= '2024-01-01T00:00:00Z'
                    AND transaction_date < (timestamp '\(month)-01' + interval '1 month') AT TIME ZONE 'UTC'
                    AND d <> ALL (coalesce(upline_inactive, '{}'))
                UNION ALL SELECT beneficiary, level, -ggr, -deposits, -bonuses FROM oracle_fed
            ) AS parts WHERE level <= \(terms.rates.count) GROUP BY beneficiary, level;

            INSERT INTO oracle_settlement
            SELECT date '\(month)-01', beneficiary, ngr, carried_in, \(terms.carriesLosses ? "least(balance, 0)" : "0"), greatest(balance, 0)
            FROM (
                SELECT beneficiary, coalesce(sum(l.ngr), 0) AS ngr, carried_in,
                    coalesce(sum(oracle_round(l.ngr * (ARRAY[\(terms.rates.map(fraction).joined(separator: ", "))])[level])), 0) + carried_in
                        AS balance
                FROM (
                    SELECT coalesce(f.beneficiary, p.beneficiary) AS beneficiary, f.level,
                        \(terms.carriesLosses ? "coalesce(p.carried_out, 0)" : "0") AS carried_in,
                        f.ggr - oracle_round(greatest(f.ggr, 0) * \(fraction(terms.ggrFee)))
                            - oracle_round(greatest(f.deposits, 0) * \(fraction(terms.depositFee)))
                            - \(terms.deductsBonuses ? "f.bonuses" : "0") AS ngr
                    FROM (SELECT * FROM oracle_fed WHERE period = date '\(month)-01') AS f
                    FULL JOIN (SELECT * FROM oracle_settlement WHERE period = \(before) AND carried_out < 0) AS p
                        ON p.beneficiary = f.beneficiary
                ) AS l GROUP BY beneficiary, carried_in
            ) AS b
            """)
    }

    /// Where the ledger is not what it has to be; rows of zeros count on neither side.
    func differences(on connection: PostgresConnection) throws -> [String] {
        let stored = """
            SELECT (period_start AT TIME ZONE 'UTC')::date AS period, beneficiary_id, ngr, carried_in, carried_out, amount
            FROM fature_v2.revshare_settlement
            WHERE (ngr, carried_in, carried_out, amount) <> (0, 0, 0, 0)
            """
        let expected = "SELECT * FROM oracle_settlement WHERE (ngr, carried_in, carried_out, amount) <> (0, 0, 0, 0)"
        return try connection.rows("(\(stored) EXCEPT \(expected)) UNION ALL (\(expected) EXCEPT \(stored))")
            + connection.rows(Self.entries) + connection.rows(Self.totals)
    }

    /// Each settlement that pays has its one entry, and there is no other.
    private static let entries = """
        SELECT * FROM (
            SELECT settlement_id, beneficiary_id, beneficiary_id AS source, 0::smallint AS distance, ngr::numeric(15,2), amount,
                plan_version, 1::smallint AS ordinal
            FROM fature_v2.revshare_settlement WHERE amount > 0
        ) AS s
        FULL JOIN (
            SELECT transaction_id, beneficiary_id, source_id, level_distance, base_amount, amount, plan_version, ordinal
            FROM fature_v2.commissions WHERE rule = 'revshare' AND rate = 0 AND status = 'pending' AND currency = 'BRL'
        ) AS c ON c.transaction_id = s.settlement_id
        WHERE (s.*) IS DISTINCT FROM (c.*)
        """

    private static let totals = """
        SELECT * FROM (
            SELECT beneficiary_id, count(*) AS n, sum(amount) AS earned, coalesce(sum(amount) FILTER (WHERE rule = 'revshare'), 0) AS revshare
            FROM fature_v2.commissions GROUP BY 1
        ) AS c
        FULL JOIN (SELECT * FROM fature_v2.affiliate_totals WHERE commissions_count <> 0) AS t ON t.affiliate_id = c.beneficiary_id
        WHERE (c.n, c.earned, c.revshare) IS DISTINCT FROM (t.commissions_count, t.commissions_earned, t.revshare_earned)
        """
}
