import PostgresClient

/// From the oracle to single entries: first which transactions differ at all, over everything and with as little work as possible; then, for
/// these alone, what is wrong with which entry.
///
/// An entry may stand at another ordinal than the oracle's, after a correction. So an entry is told by transaction, level distance and rule.
enum LedgerSuspects {
    /// Makes `oracle_suspect`: transactions with an entry that is not exactly where and what it has to be.
    static func find(_ scope: LedgerOracle.Scope, on connection: PostgresConnection) throws {
        try connection.executeScript(
            """
            CREATE TEMP TABLE oracle_suspect ON COMMIT DROP AS
            SELECT coalesce(e.transaction_id, c.transaction_id) AS transaction_id
            FROM oracle_expected e
            FULL JOIN (
                SELECT * FROM fature_v2.commissions c WHERE c.ordinal > 0 AND c.rule <> 'revshare' AND \(scope.condition("c"))
            ) AS c ON c.transaction_id = e.transaction_id AND c.ordinal = e.ordinal
            WHERE CASE WHEN c.transaction_id IS NULL THEN e.lowest > 0
                WHEN e.transaction_id IS NULL THEN c.status <> 'cancelled'
                ELSE c.status <> 'cancelled' AND \(differs) END
            UNION
            SELECT c.transaction_id
            FROM fature_v2.transaction_reversal r
            JOIN fature_v2.commissions c ON c.transaction_id = r.transaction_id AND c.ordinal > 0 AND c.rule <> 'revshare'
            LEFT JOIN fature_v2.commissions m ON m.transaction_id = c.transaction_id AND m.ordinal = -c.ordinal
            WHERE r.was_paid AND \(scope.condition("r")) AND \(isNoMirror)
            UNION
            SELECT m.transaction_id
            FROM fature_v2.commissions m
            LEFT JOIN fature_v2.transaction_reversal r ON r.transaction_id = m.transaction_id AND r.was_paid
            LEFT JOIN fature_v2.commissions c ON c.transaction_id = m.transaction_id AND c.ordinal = -m.ordinal
            WHERE m.ordinal < 0 AND m.rule <> 'revshare' AND \(scope.condition("m"))
                AND (r.transaction_id IS NULL OR c.transaction_id IS NULL);
            ANALYZE oracle_suspect
            """)
    }

    /// Makes `oracle_entry`, a verdict for every entry of the suspects, and `oracle_pair`, their entries beside the reversals.
    static func judge(on connection: PostgresConnection) throws {
        try connection.executeScript(
            """
            CREATE TEMP TABLE oracle_entry ON COMMIT DROP AS
            SELECT c.transaction_id, c.ordinal, c.level_distance, c.rule, c.status, c.beneficiary_id, c.source_id, c.base_amount, c.rate,
                c.amount, c.currency, c.plan_version, t.transaction_id IS NOT NULL AS has_transaction, e.transaction_id IS NOT NULL AS is_paid,
                e.beneficiary_id AS expected_beneficiary, e.source_id AS expected_source, e.base AS expected_base,
                e.rate AS expected_rate, e.amount AS expected_amount, e.lowest AS expected_lowest, e.currency AS expected_currency,
                e.plan_version AS expected_version, p.month_cap IS NOT NULL AS has_month_cap,
                row_number() OVER (
                    PARTITION BY c.transaction_id, c.level_distance, c.rule, c.status = 'cancelled'
                    ORDER BY e.transaction_id IS NOT NULL AND \(differs), c.ordinal) AS place,
                e.transaction_id IS NOT NULL AND \(differs) AS is_wrong
            FROM oracle_suspect s
            JOIN fature_v2.commissions c ON c.transaction_id = s.transaction_id AND c.ordinal > 0 AND c.rule <> 'revshare'
            LEFT JOIN oracle_expected e
                ON e.transaction_id = c.transaction_id AND e.level_distance = c.level_distance AND e.rule = c.rule
            LEFT JOIN fature_v2.transactions t ON t.transaction_id = c.transaction_id AND t.commission_processed
            LEFT JOIN oracle_plan p ON t.transaction_date >= p.holds_from AND t.transaction_date < p.holds_to;
            CREATE INDEX ON oracle_entry (transaction_id, level_distance, rule);
            ANALYZE oracle_entry;

            CREATE TEMP TABLE oracle_pair ON COMMIT DROP AS
            SELECT coalesce(c.transaction_id, m.transaction_id) AS transaction_id, c.ordinal AS ordinal, m.ordinal AS mirror_ordinal,
                c.amount AS amount, m.amount AS mirror_amount, m.status AS mirror_status
            FROM (
                SELECT c.*, row_number() OVER (PARTITION BY c.transaction_id, c.level_distance, c.rule ORDER BY c.ordinal) AS place
                FROM oracle_suspect s
                JOIN fature_v2.transaction_reversal r ON r.transaction_id = s.transaction_id AND r.was_paid
                JOIN fature_v2.commissions c ON c.transaction_id = s.transaction_id
                WHERE c.ordinal > 0 AND c.rule <> 'revshare' AND c.status <> 'cancelled'
            ) AS c
            FULL JOIN (
                SELECT m.*, row_number() OVER (PARTITION BY m.transaction_id, m.level_distance, m.rule ORDER BY -m.ordinal) AS place
                FROM oracle_suspect s JOIN fature_v2.commissions m ON m.transaction_id = s.transaction_id
                WHERE m.ordinal < 0 AND m.rule <> 'revshare' AND m.status <> 'cancelled'
            ) AS m ON m.transaction_id = c.transaction_id AND m.level_distance = c.level_distance AND m.rule = c.rule AND m.place = c.place
            WHERE \(isNoMirror)
            """)
    }

    /// An entry `c` is not what the oracle's `e` says.
    static let differs = """
        ((c.beneficiary_id, c.source_id, c.level_distance, c.rule, c.base_amount, c.rate, c.currency, c.plan_version)
            <> (e.beneficiary_id, e.source_id, e.level_distance, e.rule, e.base, e.rate, e.currency, e.plan_version)
            OR c.amount NOT BETWEEN e.lowest AND e.amount)
        """

    /// An entry `c` and a reversal `m` are not each other's mirror, or one of them is missing or cancelled alone.
    private static let isNoMirror = """
        CASE WHEN m.transaction_id IS NULL OR m.status = 'cancelled' THEN c.status <> 'cancelled'
            WHEN c.transaction_id IS NULL OR c.status = 'cancelled' THEN true
            ELSE (m.beneficiary_id, m.source_id, m.level_distance, m.rule, m.rate, m.currency, m.plan_version, -m.base_amount, -m.amount)
                <> (c.beneficiary_id, c.source_id, c.level_distance, c.rule, c.rate, c.currency, c.plan_version, c.base_amount, c.amount)
        END
        """
}
