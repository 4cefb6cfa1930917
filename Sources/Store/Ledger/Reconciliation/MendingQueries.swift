import Core
import PostgresClient

/// The SQL of mending. Lists are temporary tables of the session: `mend_transaction`, `mend_totals`, `mend_usage`, `mend_stuck`.
enum MendingQueries {
    // MARK: Lists

    static let dropLists = """
        SET client_min_messages = 'warning';
        DROP TABLE IF EXISTS pg_temp.mend_transaction, pg_temp.mend_totals, pg_temp.mend_usage, pg_temp.mend_stuck
        """

    static let listSuspects = """
        CREATE TEMP TABLE mend_transaction AS SELECT transaction_id FROM oracle_suspect;
        CREATE UNIQUE INDEX ON mend_transaction (transaction_id)
        """

    static let listSums = """
        CREATE TEMP TABLE mend_totals AS SELECT * FROM oracle_totals;
        CREATE UNIQUE INDEX ON mend_totals (affiliate_id);
        CREATE TEMP TABLE mend_usage AS SELECT * FROM oracle_usage;
        CREATE UNIQUE INDEX ON mend_usage (beneficiary_id, month)
        """

    static func listStuck(_ scope: LedgerOracle.Scope, _ stuckAfterMilliseconds: Int64, on connection: PostgresConnection) throws
    {
        try connection.executeScript(
            """
            CREATE TEMP TABLE mend_stuck AS
            SELECT t.transaction_id, t.accepted_at, t.shard_id, t.amount FROM fature_v2.transactions t
            WHERE NOT t.commission_processed AND NOT t.commission_dead
                AND t.accepted_at < now() - \(stuckAfterMilliseconds) * interval '1 millisecond' AND \(scope.condition("t"));
            CREATE UNIQUE INDEX ON mend_stuck (transaction_id)
            """)
    }

    /// Makes `oracle_scope` of the next suspects and locks them: transactions, then commissions, ascending.
    /// - Returns: the last of them; nil if there are none.
    static func takeSuspects(after: Int64, limit: Int, on connection: PostgresConnection) throws -> Int64? {
        try connection.executeScript(
            """
            CREATE TEMP TABLE oracle_scope ON COMMIT DROP AS
            SELECT transaction_id FROM mend_transaction WHERE transaction_id > \(after) ORDER BY transaction_id LIMIT \(limit);
            ANALYZE oracle_scope
            """)
        let last = try connection.execute("SELECT max(transaction_id) FROM oracle_scope").optionalInt(0, 0)
        guard let last else { return nil }
        for table in ["transactions", "commissions"] {
            _ = try connection.execute(
                """
                SELECT count(*) FROM (
                    SELECT 1 FROM fature_v2.\(table) WHERE transaction_id IN (SELECT transaction_id FROM oracle_scope)
                    ORDER BY transaction_id\(table == "commissions" ? ", ordinal" : "") FOR UPDATE
                ) AS locked
                """)
        }
        return last
    }

    // MARK: Entries

    static func apply(_ origin: ChangeOrigin, on connection: PostgresConnection) throws {
        let parameters: [PostgresValue] = [.text(origin.actor), .optionalText(origin.requestID)]
        let reason = "reconcile --fix"
        if try connection.execute("SELECT EXISTS (SELECT 1 FROM mend_cancel)").bool(0, 0) {
            let operation = try connection.execute(
                """
                INSERT INTO fature_v2.commission_operation (to_status, actor, reason, request_id, entries_count, amount)
                SELECT 'cancelled', $1, $3, $2, count(*), sum(amount) FROM mend_cancel RETURNING operation_id
                """, parameters + [.text(reason)]
            ).int(0, 0)
            _ = try connection.execute(
                """
                WITH changed AS (
                    UPDATE fature_v2.commissions c SET status = 'cancelled', operation_id = $1 FROM mend_cancel m
                    WHERE c.transaction_id = m.transaction_id AND c.ordinal = m.ordinal AND c.status = 'pending'
                    RETURNING c.transaction_id, c.ordinal
                )
                INSERT INTO fature_v2.commission_status_change (transaction_id, ordinal, operation_id, from_status, to_status)
                SELECT transaction_id, ordinal, $1, 'pending', 'cancelled' FROM changed
                """, [.int(operation)])
        }
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commissions (
                transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
            SELECT transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base, rate, amount, currency, plan_version
            FROM mend_insert
            """)
        _ = try connection.execute(auditEntries, parameters + [.text(reason)])
        _ = try connection.execute(entryTotals)
    }

    private static let auditEntries = """
        INSERT INTO fature_v2.audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
        SELECT 'commissions', transaction_id || '/' || ordinal, 'update', jsonb_build_object('status', 'pending'),
            jsonb_build_object('status', 'cancelled', 'reason', $3::text, 'why', why), $1, $2
        FROM mend_cancel
        UNION ALL
        SELECT 'commissions', transaction_id || '/' || ordinal, 'insert', NULL,
            jsonb_build_object('beneficiary_id', beneficiary_id, 'amount', amount::text, 'reason', $3::text, 'why', why), $1, $2
        FROM mend_insert
        """

    private static let entryTotals = """
        INSERT INTO fature_v2.affiliate_totals AS t (affiliate_id, commissions_count, commissions_earned, cpa_earned)
        SELECT beneficiary_id, sum(entries), sum(amount), coalesce(sum(amount) FILTER (WHERE rule = 'cpa'), 0)
        FROM (
            SELECT beneficiary_id, -1 AS entries, -amount AS amount, rule FROM mend_cancel
            UNION ALL SELECT beneficiary_id, 1, amount, rule FROM mend_insert
        ) AS change
        GROUP BY beneficiary_id ORDER BY beneficiary_id
        ON CONFLICT (affiliate_id) DO UPDATE SET
            commissions_count = t.commissions_count + excluded.commissions_count,
            commissions_earned = t.commissions_earned + excluded.commissions_earned, cpa_earned = t.cpa_earned + excluded.cpa_earned
        """

    // MARK: Sums

    /// `$1` rows of the list, lowest first, are added to what is stored and leave the list. Answers how many. `$2`, `$3`: actor, request.
    static let addTotals = """
        WITH taken AS (
            DELETE FROM mend_totals WHERE affiliate_id IN (SELECT affiliate_id FROM mend_totals ORDER BY affiliate_id LIMIT $1) RETURNING *
        ), changed AS (
            INSERT INTO fature_v2.affiliate_totals AS t (affiliate_id, \(LedgerSums.columns.joined(separator: ", ")))
            SELECT affiliate_id, \(LedgerSums.columns.joined(separator: ", ")) FROM taken ORDER BY affiliate_id
            ON CONFLICT (affiliate_id) DO UPDATE SET
                \(LedgerSums.columns.map { "\($0) = t.\($0) + excluded.\($0)" }.joined(separator: ", "))
        ), audited AS (
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
            SELECT 'affiliate_totals', affiliate_id::text, 'update',
                jsonb_build_object('reason', 'reconcile --fix', 'added', to_jsonb(taken) - 'affiliate_id'), $2, $3 FROM taken
        )
        SELECT count(*) FROM taken
        """

    static let addUsage = """
        WITH taken AS (
            DELETE FROM mend_usage WHERE (beneficiary_id, month) IN (
                SELECT beneficiary_id, month FROM mend_usage ORDER BY beneficiary_id, month LIMIT $1) RETURNING *
        ), changed AS (
            INSERT INTO fature_v2.commission_cap_usage AS u (beneficiary_id, month, amount)
            SELECT beneficiary_id, month, difference FROM taken ORDER BY beneficiary_id, month
            ON CONFLICT (beneficiary_id, month) DO UPDATE SET amount = u.amount + excluded.amount
        ), audited AS (
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
            SELECT 'commission_cap_usage', beneficiary_id || '/' || month, 'update',
                jsonb_build_object('reason', 'reconcile --fix', 'added', difference), $2, $3 FROM taken
        )
        SELECT count(*) FROM taken
        """

    // MARK: What is told

    static func cancelled(on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .cancel,
            "SELECT 'transaction ' || transaction_id || ' ordinal ' || ordinal || ': ' || amount || ', ' || why, amount FROM mend_cancel",
            on: connection)
    }

    static func inserted(on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .insert,
            """
            SELECT 'transaction ' || transaction_id || ' ordinal ' || ordinal || ': ' || amount || ' to ' || beneficiary_id || ', ' || why, amount
            FROM mend_insert
            """, on: connection)
    }

    static func usage(_ list: String, on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .capUsage, "SELECT beneficiary_id || ' in ' || month || ': ' || difference, difference FROM \(list)", on: connection)
    }

    static func totals(_ list: String, on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .totals,
            """
            SELECT 'affiliate ' || l.affiliate_id || ': ' || string_agg(d.name || ' ' || d.difference, ', ' ORDER BY d.place), 0::numeric
            FROM \(list) l CROSS JOIN LATERAL (VALUES \(LedgerSums.columns.enumerated()
                .map { "(\($0), '\($1)', l.\($1)::numeric)" }.joined(separator: ", "))) AS d (place, name, difference)
            WHERE d.difference <> 0 GROUP BY l.affiliate_id
            """, on: connection)
    }

    static func foreign(on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .adopt, "SELECT 'transaction ' || transaction_id, amount FROM mend_stuck WHERE shard_id IS NULL", on: connection)
    }

    static func stuck(on connection: PostgresConnection) throws -> MendingAction {
        try action(
            .addJobs, "SELECT 'transaction ' || transaction_id, amount FROM mend_stuck WHERE shard_id IS NOT NULL", on: connection
        )
    }

    static func stuckOrders(after: Int64, limit: Int, on connection: PostgresConnection) throws -> [CommissionPayment.Order] {
        let result = try connection.execute(
            """
            SELECT t.transaction_id, (extract(epoch FROM t.accepted_at) * 1000000)::bigint, t.shard_id
            FROM mend_stuck s JOIN fature_v2.transactions t ON t.transaction_id = s.transaction_id AND t.accepted_at = s.accepted_at
            WHERE s.transaction_id > $1 AND t.shard_id IS NOT NULL AND NOT t.commission_processed AND NOT t.commission_dead
            ORDER BY t.transaction_id LIMIT $2
            """, [.int(after), .int(Int64(limit))])
        return try (0..<result.rowCount).map { row in
            CommissionPayment.Order(
                transactionID: try result.int(row, 0), acceptedAtMicroseconds: try result.int(row, 1),
                shard: try ShardID(stored: result.int(row, 2)))
        }
    }

    private static func action(_ step: MendingStep, _ sql: String, on connection: PostgresConnection) throws -> MendingAction {
        let result = try connection.execute(
            """
            WITH act (what, amount) AS MATERIALIZED (\(sql))
            SELECT count(*), coalesce(sum(amount), 0)::numeric(30,2)::text,
                ARRAY(SELECT what FROM act ORDER BY length(what), what LIMIT \(LedgerReconciler.examplesMax))
            FROM act
            """)
        return MendingAction(
            step, count: try result.int(0, 0), amount: try result.text(0, 1),
            examples: try result.textArray(0, 2).compactMap { $0 })
    }

    /// Adds what one batch did.
    static func add(_ action: MendingAction, to whole: inout MendingAction, on connection: PostgresConnection) throws {
        whole.count += action.count
        whole.examples += action.examples.prefix(LedgerReconciler.examplesMax - whole.examples.count)
        // The sum may be more than an amount can be.
        whole.amount = try connection.execute(
            "SELECT ($1::numeric + $2::numeric)::text", [.text(whole.amount), .text(action.amount)]
        )
        .text(0, 0)
    }

    static func audit(_ what: String, _ count: Int64, _ origin: ChangeOrigin, on connection: PostgresConnection) throws {
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
            VALUES ('transactions', $1, 'update', jsonb_build_object('reason', 'reconcile --fix', 'count', $2), $3, $4)
            """, [.text(what), .int(count), .text(origin.actor), .optionalText(origin.requestID)])
    }
}
