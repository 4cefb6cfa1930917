import PostgresClient

/// What the ledger has to hold, computed by PostgreSQL's numeric from the transactions and the plans alone, set by set. It shares nothing with
/// the engine that pays: not a formula, not a line.
///
/// It lives in temporary tables of the caller's transaction:
///
/// - `oracle_plan`, `oracle_rate`, `oracle_cpa`: the plans, from their JSON
/// - `oracle_expected`: every entry that the plans pay. `amount` is what it has to be, `lowest` the least it may be: less than `amount` only
///   where a cap of the month makes the amount depend on the order of payment
enum LedgerOracle {
    /// Which transactions are looked at.
    enum Scope {
        case all
        /// Those in the temporary table `oracle_scope`.
        case listed

        /// A condition on a table with `transaction_id`.
        func condition(_ table: String) -> String {
            switch self {
            case .all: "true"
            case .listed: "\(table).transaction_id IN (SELECT s.transaction_id FROM oracle_scope s)"
            }
        }
    }

    /// Ordinals of CPA entries are that much above the level distance.
    static let cpaOrdinalOffset = 2_000

    static func make(_ scope: Scope, on connection: PostgresConnection) throws {
        try connection.executeScript(plans)
        try connection.executeScript(uncapped(scope))
        let isCapped =
            "SELECT EXISTS (SELECT 1 FROM oracle_plan WHERE coalesce(beneficiary_cap, total_cap, month_cap) IS NOT NULL)"
        if try connection.execute(isCapped).bool(0, 0) { try connection.executeScript(caps) }
        try connection.executeScript("ANALYZE oracle_expected")
    }

    static let plans = """
        CREATE TEMP TABLE oracle_plan ON COMMIT DROP AS
        SELECT p.version, p.effective_from AS holds_from,
            lead(p.effective_from, 1, timestamptz 'infinity') OVER (ORDER BY p.effective_from, p.version) AS holds_to,
            p.definition ->> 'currency' AS currency,
            p.definition ->> 'rounding' = 'half_even' AS rounds_to_even,
            coalesce((p.definition ->> 'compression')::boolean, false) AS compresses,
            (p.definition #>> '{caps,per_transaction,beneficiary}')::numeric AS beneficiary_cap,
            (p.definition #>> '{caps,per_transaction,total}')::numeric AS total_cap,
            (p.definition #>> '{caps,per_month,beneficiary}')::numeric AS month_cap,
            p.definition -> 'cpa' IS NOT NULL AS has_cpa,
            coalesce((p.definition #>> '{cpa,minimum_deposit}')::numeric, 0) AS cpa_minimum,
            (p.definition #>> '{cpa,window_days}')::integer AS cpa_window_days
        FROM fature_v2.commission_plan p;
        CREATE TEMP TABLE oracle_rate ON COMMIT DROP AS
        SELECT p.version, kind.key AS transaction_type, level.place AS plan_level, level.rate::numeric AS rate
        FROM fature_v2.commission_plan p
        CROSS JOIN LATERAL jsonb_each(p.definition -> 'percentage') AS kind
        CROSS JOIN LATERAL jsonb_array_elements_text(kind.value) WITH ORDINALITY AS level (rate, place);
        CREATE TEMP TABLE oracle_cpa ON COMMIT DROP AS
        SELECT p.version, level.place AS plan_level, level.amount::numeric AS amount
        FROM fature_v2.commission_plan p
        CROSS JOIN LATERAL jsonb_array_elements_text(p.definition #> '{cpa,amounts}') WITH ORDINALITY AS level (amount, place);
        ANALYZE oracle_plan; ANALYZE oracle_rate; ANALYZE oracle_cpa
        """

    /// A processed transaction that pays, with the plan of its date.
    private static func paying(_ scope: Scope, _ planCondition: String) -> String {
        """
        SELECT t.transaction_id, t.affiliate_id AS source_id, t.transaction_type, t.amount AS base, t.currency, t.transaction_date,
            t.upline, t.upline_inactive, p.version, p.compresses, p.rounds_to_even, p.month_cap
        FROM fature_v2.transactions t
        JOIN oracle_plan p ON t.transaction_date >= p.holds_from AND t.transaction_date < p.holds_to AND \(planCondition)
        WHERE t.commission_processed AND coalesce(t.commission_eligible, t.transaction_type IN ('deposit', 'bet'))
            AND NOT EXISTS (
                SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id AND NOT r.was_paid)
            AND \(scope.condition("t"))
        """
    }

    /// The active ones of the upline, with the plan's level each of them takes.
    private static func ancestors(_ depth: String) -> String {
        """
        CROSS JOIN LATERAL unnest(
            y.upline[1:\(depth)::integer + CASE WHEN y.compresses THEN coalesce(cardinality(y.upline_inactive), 0) ELSE 0 END]
        ) WITH ORDINALITY AS u (beneficiary_id, distance)
        CROSS JOIN LATERAL (
            SELECT u.distance - CASE WHEN y.compresses AND y.upline_inactive IS NOT NULL
                THEN (SELECT count(*) FROM unnest(y.upline_inactive) AS i (distance) WHERE i.distance < u.distance) ELSE 0 END
        ) AS l (plan_level)
        """
    }

    private static func isActive(_ distance: String) -> String {
        "(y.upline_inactive IS NULL OR \(distance) <> ALL (y.upline_inactive))"
    }

    private static func percentages(_ beneficiary: String, _ distance: String, _ from: String) -> String {
        """
        SELECT x.transaction_id, x.level_distance AS ordinal, x.level_distance, 'percentage' AS rule, x.beneficiary_id, x.source_id, x.base,
            x.rate, x.amount, x.amount AS lowest, x.currency, x.plan_version, x.month
        FROM (
            SELECT y.transaction_id, \(distance)::smallint AS level_distance, \(beneficiary) AS beneficiary_id, y.source_id, y.base,
                r.rate::numeric(5,4) AS rate,
                -- A half goes up with round(); where the even neighbour is below, it is taken back.
                (round(y.base * r.rate, 2) - CASE WHEN y.rounds_to_even AND mod(y.base * r.rate * 100, 2) = 0.5 THEN 0.01 ELSE 0 END)
                    ::numeric(15,2) AS amount,
                y.currency, y.version AS plan_version,
                CASE WHEN y.month_cap IS NOT NULL THEN date_trunc('month', y.transaction_date AT TIME ZONE 'UTC')::date END AS month
            FROM \(from)
            WHERE \(isActive(distance))
            -- So that each amount is computed once.
            OFFSET 0
        ) AS x
        WHERE x.amount > 0
        """
    }

    /// Without compression the ancestor at a level distance is an element of the upline, which is much less work than going through it.
    private static func uncapped(_ scope: Scope) -> String {
        """
        CREATE TEMP TABLE oracle_expected ON COMMIT DROP AS
        \(percentages("y.upline[r.plan_level]", "r.plan_level", """
            (\(paying(scope, "NOT p.compresses"))) AS y
            JOIN oracle_rate r ON r.version = y.version AND r.transaction_type = y.transaction_type
                AND r.plan_level <= cardinality(y.upline)
            """))
        UNION ALL
        \(percentages("u.beneficiary_id", "u.distance", """
            (\(paying(scope, "p.compresses"))) AS y
            JOIN (
                SELECT version, transaction_type, max(plan_level) AS depth FROM oracle_rate GROUP BY version, transaction_type
            ) AS d ON d.version = y.version AND d.transaction_type = y.transaction_type
            \(ancestors("d.depth"))
            JOIN oracle_rate r ON r.version = y.version AND r.transaction_type = y.transaction_type AND r.plan_level = l.plan_level
            """));

        INSERT INTO oracle_expected
        SELECT y.transaction_id, u.distance + \(cpaOrdinalOffset), u.distance, 'cpa', u.beneficiary_id, y.source_id, y.base, 0, c.amount,
            c.amount, y.currency, y.version, NULL
        FROM fature_v2.cpa_award w
        JOIN (\(paying(scope, "p.has_cpa"))) AS y ON y.transaction_id = w.transaction_id AND y.source_id = w.affiliate_id
        JOIN (SELECT version, max(plan_level) AS depth FROM oracle_cpa GROUP BY version) AS d ON d.version = y.version
        \(ancestors("d.depth"))
        JOIN oracle_cpa c ON c.version = y.version AND c.plan_level = l.plan_level
        WHERE y.transaction_type = 'deposit' AND \(isActive("u.distance")) AND c.amount > 0
        """
    }

    private static let caps = """
        CREATE TEMP TABLE oracle_uncapped ON COMMIT DROP AS
        SELECT e.*, p.beneficiary_cap, p.total_cap, p.month_cap FROM oracle_expected e JOIN oracle_plan p ON p.version = e.plan_version
        WHERE coalesce(p.beneficiary_cap, p.total_cap, p.month_cap) IS NOT NULL;
        DELETE FROM oracle_expected WHERE plan_version IN (
            SELECT version FROM oracle_plan WHERE coalesce(beneficiary_cap, total_cap, month_cap) IS NOT NULL);

        -- What a beneficiary's percentage leaves for the CPA, and what the nearer ones leave for the farther ones.
        INSERT INTO oracle_expected
        SELECT b.transaction_id, b.ordinal, b.level_distance, b.rule, b.beneficiary_id, b.source_id, b.base, b.rate, o.amount, o.amount,
            b.currency, b.plan_version, b.month
        FROM (
            SELECT a.*, coalesce(sum(a.allowed) OVER (
                PARTITION BY a.transaction_id ORDER BY a.level_distance, a.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                AS before
            FROM (
                SELECT e.*, CASE WHEN e.beneficiary_cap IS NULL THEN e.amount
                    ELSE least(e.amount, greatest(e.beneficiary_cap - coalesce(sum(e.amount) OVER (
                        PARTITION BY e.transaction_id, e.level_distance ORDER BY e.ordinal
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0)) END AS allowed
                FROM oracle_uncapped e WHERE e.month_cap IS NULL
            ) AS a
        ) AS b
        CROSS JOIN LATERAL (SELECT greatest(least(b.allowed, b.total_cap - b.before), 0)) AS o (amount)
        WHERE o.amount > 0;

        -- With a cap of the month only bounds can be told: who was paid first used it up. Less than the bound needs a month that was used up,
        -- or another cap.
        INSERT INTO oracle_expected
        SELECT e.transaction_id, e.ordinal, e.level_distance, e.rule, e.beneficiary_id, e.source_id, e.base, e.rate, o.amount,
            CASE WHEN coalesce(e.beneficiary_cap, e.total_cap) IS NULL
                AND (e.rule = 'cpa' OR coalesce(u.amount, 0) < e.month_cap) THEN o.amount ELSE 0 END,
            e.currency, e.plan_version, e.month
        FROM oracle_uncapped e
        LEFT JOIN fature_v2.commission_cap_usage u ON u.beneficiary_id = e.beneficiary_id AND u.month = e.month
        CROSS JOIN LATERAL (
            SELECT least(e.amount, e.beneficiary_cap, e.total_cap, CASE WHEN e.rule = 'percentage' THEN e.month_cap END)
        ) AS o (amount)
        WHERE e.month_cap IS NOT NULL;
        DROP TABLE oracle_uncapped
        """
}
