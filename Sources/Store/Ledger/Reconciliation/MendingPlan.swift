import PostgresClient

/// What there is to do for the entries of the suspects: `mend_cancel` and `mend_insert`, in temporary tables. It stands on `LedgerOracle` and
/// `LedgerSuspects`, and changes nothing itself.
///
/// Only what the ledger allows: an entry is never changed, a pending one may be cancelled, and the right one is added beside it. What is
/// approved, disputed or paid is left alone, and so is what has a reversal that is. Percentages under a cap of the month are left alone too: what
/// is right for one of them hangs on all others of the month.
enum MendingPlan {
    /// Corrections stand at ordinals above this one, where no payment puts an entry.
    static let correctionOrdinalBase = 4_000

    static func make(on connection: PostgresConnection) throws {
        try connection.executeScript(
            """
            CREATE TEMP TABLE mend_cancel ON COMMIT DROP AS
            SELECT c.transaction_id, c.ordinal, c.level_distance, c.rule, c.beneficiary_id, c.amount,
                CASE WHEN NOT c.has_transaction THEN 'orphan' WHEN NOT c.is_paid THEN 'unexpected' WHEN c.place > 1 THEN 'doubled'
                    ELSE 'wrong' END AS why
            FROM oracle_entry c
            WHERE c.status = 'pending' AND (NOT c.is_paid OR c.place > 1 OR c.is_wrong)
                AND (c.rule <> 'percentage' OR c.has_month_cap IS NOT TRUE)
                -- An entry before its transaction is processed is somebody's riddle: cancelled, it would still be in the payment's way.
                AND (c.has_transaction
                    OR NOT EXISTS (SELECT 1 FROM fature_v2.transactions t WHERE t.transaction_id = c.transaction_id))
                AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.commissions m
                    WHERE m.transaction_id = c.transaction_id AND m.ordinal < 0 AND m.level_distance = c.level_distance
                        AND m.rule = c.rule AND m.status NOT IN ('pending', 'cancelled'));

            -- The right ones: lost, or in place of a wrong one.
            CREATE TEMP TABLE mend_insert ON COMMIT DROP AS
            SELECT e.transaction_id, CASE WHEN o.ordinal IS NULL THEN e.ordinal ELSE \(free("e")) END AS ordinal, e.level_distance, e.rule,
                e.beneficiary_id, e.source_id, e.base, e.rate, e.amount, e.currency, e.plan_version,
                CASE WHEN w.transaction_id IS NULL THEN 'lost' ELSE 'in place of ' || w.ordinal END AS why
            FROM oracle_expected e
            JOIN oracle_suspect s ON s.transaction_id = e.transaction_id
            LEFT JOIN mend_cancel w ON w.transaction_id = e.transaction_id AND w.level_distance = e.level_distance AND w.rule = e.rule
                AND w.why = 'wrong'
            LEFT JOIN fature_v2.commissions o ON o.transaction_id = e.transaction_id AND o.ordinal = e.ordinal
            WHERE e.lowest = e.amount AND e.month IS NULL AND (w.transaction_id IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM oracle_entry c
                WHERE c.transaction_id = e.transaction_id AND c.level_distance = e.level_distance AND c.rule = e.rule));

            -- Reversals that mirror nothing, or what is cancelled above.
            INSERT INTO mend_cancel
            SELECT m.transaction_id, m.ordinal, m.level_distance, m.rule, m.beneficiary_id, m.amount, 'reversal'
            FROM fature_v2.commissions m
            WHERE m.ordinal < 0 AND m.status = 'pending' AND m.rule <> 'revshare' AND (
                EXISTS (SELECT 1 FROM oracle_pair p WHERE p.transaction_id = m.transaction_id AND p.mirror_ordinal = m.ordinal)
                OR EXISTS (
                    SELECT 1 FROM mend_cancel w
                    WHERE w.transaction_id = m.transaction_id AND w.level_distance = m.level_distance AND w.rule = m.rule
                        AND w.why IN ('wrong', 'unexpected')))
                AND m.transaction_id IN (SELECT s.transaction_id FROM oracle_suspect s);

            -- And those that are missing then.
            CREATE TEMP TABLE mend_mirror ON COMMIT DROP AS
            SELECT c.*, row_number() OVER (PARTITION BY c.transaction_id ORDER BY c.ordinal) AS place
            FROM (
                SELECT c.transaction_id, c.ordinal, c.level_distance, c.rule, c.beneficiary_id, c.source_id, c.base_amount AS base, c.rate,
                    c.amount, c.currency, c.plan_version
                FROM fature_v2.commissions c
                WHERE c.ordinal > 0 AND c.status <> 'cancelled' AND c.rule <> 'revshare'
                    AND c.transaction_id IN (SELECT s.transaction_id FROM oracle_suspect s)
                    AND NOT EXISTS (SELECT 1 FROM mend_cancel w WHERE w.transaction_id = c.transaction_id AND w.ordinal = c.ordinal)
                UNION ALL
                SELECT i.transaction_id, i.ordinal, i.level_distance, i.rule, i.beneficiary_id, i.source_id, i.base, i.rate, i.amount,
                    i.currency, i.plan_version
                FROM mend_insert i
            ) AS c
            JOIN fature_v2.transaction_reversal r ON r.transaction_id = c.transaction_id AND r.was_paid
            WHERE NOT EXISTS (
                SELECT 1 FROM fature_v2.commissions m
                WHERE m.transaction_id = c.transaction_id AND m.ordinal < 0 AND m.status <> 'cancelled'
                    AND m.level_distance = c.level_distance AND m.rule = c.rule
                    AND NOT EXISTS (SELECT 1 FROM mend_cancel w WHERE w.transaction_id = m.transaction_id AND w.ordinal = m.ordinal));
            INSERT INTO mend_insert
            SELECT c.transaction_id,
                CASE WHEN EXISTS (
                    SELECT 1 FROM fature_v2.commissions o WHERE o.transaction_id = c.transaction_id AND o.ordinal = -c.ordinal)
                    THEN -(\(highest("c")) + (SELECT count(*) FROM mend_insert i WHERE i.transaction_id = c.transaction_id) + c.place)
                    ELSE -c.ordinal END,
                c.level_distance, c.rule, c.beneficiary_id, c.source_id, -c.base, c.rate, -c.amount, c.currency, c.plan_version,
                'reversal of ' || c.ordinal
            FROM mend_mirror c
            """)
    }

    /// The highest ordinal of a transaction, its sign aside, and at least the base of corrections.
    private static func highest(_ table: String) -> String {
        """
        (SELECT greatest(\(correctionOrdinalBase), max(abs(x.ordinal::integer))) FROM fature_v2.commissions x
            WHERE x.transaction_id = \(table).transaction_id)
        """
    }

    private static func free(_ table: String) -> String {
        "\(highest(table)) + row_number() OVER (PARTITION BY \(table).transaction_id ORDER BY \(table).ordinal)"
    }
}
