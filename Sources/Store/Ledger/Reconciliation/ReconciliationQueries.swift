import Core

/// One query for each check: a row for each thing that is wrong, with what it is, what it should be, what it is like, and the money it is about.
struct ReconciliationQueries {
    let scope: LedgerOracle.Scope
    /// A transaction that was accepted more than this long before the snapshot has to be processed.
    let stuckAfterMilliseconds: Int64

    func sql(_ check: ReconciliationCheck) -> String {
        switch check {
        case .lost:
            """
            SELECT \(Self.name("e", "rule || ' at level distance ' || e.level_distance")) AS what,
                e.amount || ' to ' || e.beneficiary_id AS expected, 'no entry' AS found, e.lowest AS amount
            FROM oracle_expected e JOIN oracle_suspect s ON s.transaction_id = e.transaction_id
            WHERE e.lowest > 0 AND NOT EXISTS (
                SELECT 1 FROM oracle_entry c
                WHERE c.transaction_id = e.transaction_id AND c.level_distance = e.level_distance AND c.rule = e.rule)
            """
        case .doubled: Self.entry("c.is_paid AND c.place > 1", "''", "c.amount || ' to ' || c.beneficiary_id", "c.amount")
        case .unexpected:
            Self.entry("c.has_transaction AND NOT c.is_paid", "''", "c.amount || ' to ' || c.beneficiary_id", "c.amount")
        case .orphan: orphan
        case .wrongAmount:
            Self.wrong(
                "c.amount NOT BETWEEN c.expected_lowest AND c.expected_amount",
                "CASE WHEN c.expected_lowest < c.expected_amount THEN 'up to ' ELSE '' END || c.expected_amount", "c.amount",
                "CASE WHEN c.amount > c.expected_amount THEN c.amount - c.expected_amount ELSE c.expected_lowest - c.amount END")
        case .wrongBase: Self.wrong("c.base_amount <> c.expected_base", "c.expected_base", "c.base_amount")
        case .wrongRate: Self.wrong("c.rate <> c.expected_rate", "c.expected_rate", "c.rate")
        case .wrongBeneficiary:
            Self.wrong("c.beneficiary_id <> c.expected_beneficiary", "c.expected_beneficiary", "c.beneficiary_id")
        case .wrongOrigin:
            Self.wrong(
                "(c.source_id, c.currency, c.plan_version) <> (c.expected_source, c.expected_currency, c.expected_version)",
                "concat_ws(' ', c.expected_source, c.expected_currency, c.expected_version)",
                "concat_ws(' ', c.source_id, c.currency, c.plan_version)")
        case .wrongReversal:
            """
            SELECT \(Self.name("p", "'ordinal ' || coalesce(p.ordinal, p.mirror_ordinal)")) AS what,
                coalesce((-p.amount)::text, 'no reversal') AS expected, coalesce(p.mirror_amount::text, 'no reversal') AS found,
                abs(coalesce(p.amount, 0) + coalesce(p.mirror_amount, 0)) AS amount
            FROM oracle_pair p
            """
        case .wrongAward: Self.award
        case .wrongSettlement: Self.settlement
        case .overCap: Self.overCap(scope)
        case .stuck:
            transaction(
                """
                NOT t.commission_processed AND NOT t.commission_dead
                    AND t.accepted_at < now() - \(stuckAfterMilliseconds) * interval '1 millisecond'
                """,
                found:
                    "CASE WHEN t.shard_id IS NULL THEN 'not adopted, ' ELSE '' END || 'since ' || \(Self.moment("t.accepted_at"))"
            )
        case .noUpline:
            transaction(
                """
                t.commission_processed AND t.upline IS NULL AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id AND NOT r.was_paid)
                """, found: "'processed'")
        case .dead, .deadWithoutLetter, .letterWithoutDead: dead(check)
        case .duplicateExternalID, .rowWithoutKey, .keyWithoutRow: key(check)
        case .wrongCapUsage: LedgerSums.wrongCapUsage
        case .wrongTotals: LedgerSums.wrongTotals
        }
    }

    // MARK: Entries

    private static func name(_ table: String, _ rest: String) -> String {
        "'transaction ' || \(table).transaction_id || ' ' || \(rest)"
    }

    /// Entries of the suspects that are not cancelled.
    private static func entry(_ condition: String, _ expected: String, _ found: String, _ amount: String) -> String {
        """
        SELECT \(name("c", "'ordinal ' || c.ordinal")) AS what, (\(expected))::text AS expected, (\(found))::text AS found, \(amount) AS amount
        FROM oracle_entry c WHERE c.status <> 'cancelled' AND \(condition)
        """
    }

    private static func wrong(_ condition: String, _ expected: String, _ found: String, _ amount: String = "c.amount") -> String {
        entry("c.has_transaction AND c.is_paid AND c.place = 1 AND \(condition)", expected, found, amount)
    }

    private var orphan: String {
        let entries = Self.entry("NOT c.has_transaction", "''", "c.amount || ' to ' || c.beneficiary_id", "c.amount")
        guard case .all = scope else { return entries }
        return """
            \(entries)
            UNION ALL
            SELECT 'settlement ' || c.transaction_id, '', c.amount || ' to ' || c.beneficiary_id, c.amount
            FROM fature_v2.commissions c
            WHERE c.rule = 'revshare' AND c.status <> 'cancelled'
                AND NOT EXISTS (SELECT 1 FROM fature_v2.revshare_settlement s WHERE s.settlement_id = c.transaction_id)
            """
    }

    /// Deposits that qualify are found from the plans; which of them was the first, only the award tells.
    private static let award = """
        WITH qualifying AS MATERIALIZED (
            SELECT t.transaction_id, t.affiliate_id
            FROM fature_v2.transactions t
            JOIN oracle_plan p ON p.has_cpa AND t.transaction_date >= p.holds_from AND t.transaction_date < p.holds_to
            JOIN fature_v2.affiliates_optimized a ON a.affiliate_id = t.affiliate_id
            WHERE t.commission_processed AND t.transaction_type = 'deposit' AND coalesce(t.commission_eligible, true)
                AND t.amount >= p.cpa_minimum
                AND (p.cpa_window_days IS NULL
                    OR t.transaction_date - a.registration_date < p.cpa_window_days * interval '24 hours')
                AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id AND NOT r.was_paid)
        )
        SELECT 'award of ' || w.affiliate_id AS what, 'a deposit that qualifies' AS expected, 'transaction ' || w.transaction_id AS found,
            0::numeric AS amount
        FROM fature_v2.cpa_award w
        WHERE NOT EXISTS (
            SELECT 1 FROM qualifying q WHERE q.transaction_id = w.transaction_id AND q.affiliate_id = w.affiliate_id)
        UNION ALL
        SELECT 'award of ' || q.affiliate_id, 'transaction ' || min(q.transaction_id), 'no award', 0
        FROM qualifying q WHERE NOT EXISTS (SELECT 1 FROM fature_v2.cpa_award w WHERE w.affiliate_id = q.affiliate_id)
        GROUP BY q.affiliate_id
        """

    private static let settlement = """
        SELECT 'settlement ' || s.settlement_id AS what, s.amount || ' to ' || s.beneficiary_id AS expected,
            coalesce(c.amount || ' to ' || c.beneficiary_id, 'no entry') AS found, abs(s.amount - coalesce(c.amount, 0)) AS amount
        FROM fature_v2.revshare_settlement s
        LEFT JOIN fature_v2.commissions c ON c.transaction_id = s.settlement_id AND c.ordinal > 0 AND c.rule = 'revshare'
        WHERE (s.amount <> 0 OR c.amount IS NOT NULL)
            AND (s.beneficiary_id, s.amount, s.plan_version) IS DISTINCT FROM (c.beneficiary_id, c.amount, c.plan_version)
        """

    /// What a plan without a cap of the month pays is known to the cent, so only the others are asked.
    private static func overCap(_ scope: LedgerOracle.Scope) -> String {
        """
        WITH entry AS MATERIALIZED (
            SELECT c.transaction_id, c.beneficiary_id, c.amount, p.beneficiary_cap, p.total_cap
            FROM oracle_plan p JOIN fature_v2.commissions c ON c.plan_version = p.version
            WHERE p.month_cap IS NOT NULL AND c.ordinal > 0 AND c.rule <> 'revshare' AND c.status <> 'cancelled' AND \(scope.condition("c"))
        )
        SELECT 'transaction ' || e.transaction_id || ' to ' || e.beneficiary_id AS what, 'up to ' || e.beneficiary_cap AS expected,
            sum(e.amount)::text AS found, sum(e.amount) - e.beneficiary_cap AS amount
        FROM entry e GROUP BY e.transaction_id, e.beneficiary_id, e.beneficiary_cap HAVING sum(e.amount) > e.beneficiary_cap
        UNION ALL
        SELECT 'transaction ' || e.transaction_id, 'up to ' || e.total_cap, sum(e.amount)::text, sum(e.amount) - e.total_cap
        FROM entry e GROUP BY e.transaction_id, e.total_cap HAVING sum(e.amount) > e.total_cap
        UNION ALL
        SELECT u.beneficiary_id || ' in ' || u.month, 'up to ' || m.cap, u.amount::text, u.amount - m.cap
        FROM fature_v2.commission_cap_usage u
        CROSS JOIN LATERAL (
            SELECT max(p.month_cap) AS cap FROM oracle_plan p
            WHERE p.month_cap IS NOT NULL AND p.holds_from < (u.month + interval '1 month') AT TIME ZONE 'UTC'
                AND p.holds_to > u.month::timestamp AT TIME ZONE 'UTC'
        ) AS m
        WHERE u.amount > coalesce(m.cap, 0)
        """
    }

    // MARK: Transactions, letters and keys

    private func transaction(_ condition: String, found: String) -> String {
        """
        SELECT 'transaction ' || t.transaction_id AS what, '' AS expected, \(found) AS found, t.amount
        FROM fature_v2.transactions t WHERE \(condition) AND \(scope.condition("t"))
        """
    }

    private static func moment(_ expression: String) -> String {
        "to_char(\(expression) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    }

    private func dead(_ check: ReconciliationCheck) -> String {
        let letter =
            "fature_v2.dead_letter d WHERE d.queue = '\(DeadLetters.commissionQueue)' AND d.job_id = t.transaction_id::text"
        switch check {
        case .dead:
            return """
                SELECT 'transaction ' || t.transaction_id AS what, '' AS expected, d.cause AS found, t.amount
                FROM fature_v2.dead_letter d JOIN fature_v2.transactions t ON t.transaction_id = \(Self.jobTransaction)
                WHERE d.state = 'dead' AND d.queue = '\(DeadLetters.commissionQueue)' AND t.commission_dead AND NOT t.commission_processed
                    AND \(scope.condition("t"))
                """
        case .deadWithoutLetter:
            return transaction(
                "t.commission_dead AND NOT t.commission_processed AND NOT EXISTS (SELECT 1 FROM \(letter) AND d.state <> 'replayed')",
                found: "'dead'")
        default:
            return """
                SELECT 'dead letter ' || d.dead_letter_id AS what, '' AS expected, 'job ' || d.job_id AS found, 0::numeric AS amount
                FROM fature_v2.dead_letter d
                WHERE d.state = 'dead' AND d.queue = '\(DeadLetters.commissionQueue)' AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.transactions t
                    WHERE t.transaction_id = \(Self.jobTransaction) AND t.commission_dead AND NOT t.commission_processed)
                """
        }
    }

    private static let jobTransaction = "CASE WHEN d.job_id ~ '^[0-9]{1,18}$' THEN d.job_id::bigint END"

    /// Makes `oracle_keyless`: transactions for which their external id's key does not stand. Rows that were refused as duplicates are dead and
    /// have none; rows that nobody has adopted have none so far, unless they were reversed: then the key is theirs or that of another row.
    var makeKeyless: String {
        """
        CREATE TEMP TABLE oracle_keyless ON COMMIT DROP AS
        SELECT t.transaction_id, t.external_transaction_id, t.amount
        FROM fature_v2.transactions t
        LEFT JOIN fature_v2.transaction_key k ON k.external_transaction_id = t.external_transaction_id
        WHERE NOT t.commission_dead AND \(scope.condition("t")) AND CASE
            WHEN t.shard_id IS NOT NULL THEN k.transaction_id IS DISTINCT FROM t.transaction_id
            ELSE k.transaction_id IS NULL AND EXISTS (
                SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = t.transaction_id) END;
        ANALYZE oracle_keyless
        """
    }

    private func key(_ check: ReconciliationCheck) -> String {
        switch check {
        case .duplicateExternalID:
            // Of several rows with one external id all but one have no key.
            """
            SELECT 'external id ' || left(t.external_transaction_id, 100) AS what, 'one transaction' AS expected,
                string_agg(t.transaction_id::text, ' ' ORDER BY t.transaction_id) AS found,
                sum(t.amount) - (array_agg(t.amount ORDER BY t.transaction_id))[1] AS amount
            FROM fature_v2.transactions t
            WHERE t.external_transaction_id IN (SELECT k.external_transaction_id FROM oracle_keyless k)
                AND NOT t.commission_dead AND t.shard_id IS NOT NULL
            GROUP BY t.external_transaction_id HAVING count(*) > 1
            """
        case .rowWithoutKey:
            """
            SELECT 'transaction ' || k.transaction_id AS what, '' AS expected, 'no key' AS found, k.amount FROM oracle_keyless k
            """
        default:
            """
            SELECT 'external id ' || left(k.external_transaction_id, 100) AS what, 'transaction ' || k.transaction_id AS expected,
                'no such transaction' AS found, 0::numeric AS amount
            FROM fature_v2.transaction_key k
            LEFT JOIN fature_v2.transactions t ON t.transaction_id = k.transaction_id
                AND t.external_transaction_id = k.external_transaction_id
            WHERE t.transaction_id IS NULL
            """
        }
    }
}
