import Commission
import Core
import PostgresClient

/// Opens a period: what its settlement is computed from, gathered by one snapshot and kept.
///
/// Earlier periods are looked at again. What counts of them now, less what has been settled of them already, is settled with this one:
/// transactions that came late or were reversed since.
enum RevShareGathering {
    /// Gathers in the caller's REPEATABLE READ transaction.
    static func open(
        _ period: RevSharePeriod, _ book: PlanBook, lookBackPeriods: Int, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws {
        guard let plan = book.plan(version: period.planVersion), let rule = plan.revShare else {
            throw StoreError(.unexpectedAnswer, "version \(period.planVersion) of the plan has no RevShare")
        }
        let now = try connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").int(0, 0)
        guard period.end <= now else {
            throw RevShareError(
                .notEnded, "the period ends at \(SettledPeriod.timestamp(period.end)); settle it when it has ended")
        }
        let previous = try previousStart(of: period, book, on: connection)
        let bounds: [PostgresValue] = [.text(SettledPeriod.timestamp(period.start)), .text(SettledPeriod.timestamp(period.end))]
        let waiting = try connection.execute(unprocessedSQL, bounds).int(0, 0)
        guard waiting == 0 else {
            throw RevShareError(
                .unprocessed,
                "\(waiting) transactions of the period wait for their commissions; settle it when the queues are empty "
                    + "(fature queue ls, fature reconcile)")
        }
        _ = try connection.execute(
            openSQL,
            bounds + [
                .text(rule.period.name.description), .int(Int64(period.planVersion)), .bool(plan.isCompressing),
                .int(Int64(rule.rates.count)), .optionalText(previous.map(SettledPeriod.timestamp)), .text(origin.actor),
                .optionalText(origin.requestID),
            ])
        _ = try connection.execute("SET LOCAL work_mem = '128MB'")
        _ = try connection.execute("SET LOCAL jit = off")
        _ = try connection.execute(sumsSQL, [bounds[0], .int(Int64(lookBackPeriods))])
    }

    /// The period whose losses are carried in. Throws if one before it has to be settled first, or one after it has been.
    private static func previousStart(
        of period: RevSharePeriod, _ book: PlanBook, on connection: PostgresConnection
    ) throws -> Int64? {
        let known = try SettledPeriod.load(isSummingUp: false, on: connection)
        if let later = known.first(where: { $0.start > period.start }) {
            throw RevShareError(
                .laterSettled, "\(later.name) was settled before it; what is dated before the first settled period counts nowhere"
            )
        }
        let opened = Dictionary(uniqueKeysWithValues: known.map { ($0.start, $0) })
        let first = try connection.execute(
            """
            SELECT (extract(epoch FROM min(transaction_date)) * 1000000)::bigint
            FROM fature_v2.transactions WHERE transaction_date >= $1::timestamptz
            """, [.text(SettledPeriod.timestamp(book.plans.first { $0.revShare != nil }?.effectiveFrom ?? 0))]
        ).optionalInt(0, 0)
        var unsettled: RevSharePeriod?
        var candidate = book.revSharePeriod(before: period)
        while let earlier = candidate, opened[earlier.start]?.settledAt == nil {
            guard first.map({ $0 < earlier.end }) ?? false || known.contains(where: { $0.start <= earlier.start }) else { break }
            unsettled = earlier
            candidate = book.revSharePeriod(before: earlier)
        }
        if let unsettled {
            throw RevShareError(
                .earlierUnsettled,
                "settle the periods before it first, from \(RevSharePeriodName(unsettled.cadence, containing: unsettled.start)) on"
            )
        }
        return known.last?.start
    }

    private static let unprocessedSQL = """
        SELECT count(*) FROM fature_v2.transactions
        WHERE transaction_date >= $1::timestamptz AND transaction_date < $2::timestamptz AND NOT commission_processed AND NOT commission_dead
        """

    private static let openSQL = """
        WITH opened AS (
            INSERT INTO fature_v2.revshare_period (
                period_start, period_end, cadence, plan_version, is_compressing, levels_count, previous_start)
            VALUES ($1::text::timestamptz, $2::text::timestamptz, $3, $4::integer, $5, $6::smallint, $7::timestamptz)
        )
        INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
        VALUES ('revshare_period', $1, 'insert', jsonb_build_object('period_end', $2::text, 'cadence', $3::text, 'plan_version', $4::integer), $8, $9)
        """

    /// Transactions with one upline are added up before their ancestors are looked at. What says of itself that it is not
    /// commission-eligible counts nowhere.
    private static let sumsSQL = """
        WITH looked_at AS (
            SELECT * FROM fature_v2.revshare_period WHERE period_start <= $1::timestamptz ORDER BY period_start DESC LIMIT 1 + $2
        ), flows AS MATERIALIZED (
            SELECT p.period_start AS dated_in, p.is_compressing, p.levels_count, t.upline, t.upline_inactive, count(*) AS transactions,
                coalesce(sum(t.amount - t.winnings) FILTER (WHERE t.transaction_type = 'bet'), 0) AS ggr,
                coalesce(sum(t.amount) FILTER (WHERE t.transaction_type = 'deposit'), 0) AS deposits,
                coalesce(sum(t.amount) FILTER (WHERE t.transaction_type = 'bonus'), 0) AS bonuses
            FROM fature_v2.transactions AS t
            JOIN looked_at AS p ON t.transaction_date >= p.period_start AND t.transaction_date < p.period_end
            WHERE t.transaction_date >= (SELECT min(period_start) FROM looked_at)
                AND t.commission_processed AND t.transaction_type IN ('bet', 'deposit', 'bonus') AND t.commission_eligible IS NOT FALSE
                AND NOT EXISTS (SELECT 1 FROM fature_v2.transaction_reversal AS r WHERE r.transaction_id = t.transaction_id)
            GROUP BY 1, 2, 3, 4, 5
        ), counted AS (
            UPDATE fature_v2.revshare_period SET transactions_count =
                (SELECT coalesce(sum(transactions), 0) FROM flows WHERE dated_in = $1::timestamptz)
            WHERE period_start = $1::timestamptz
        )
        INSERT INTO fature_v2.revshare_sum (period_start, beneficiary_id, plan_level, dated_in, ggr, deposits, bonuses)
        SELECT $1::timestamptz, beneficiary_id, plan_level, dated_in, sum(ggr), sum(deposits), sum(bonuses)
        FROM (
            SELECT u.beneficiary_id, l.plan_level, f.dated_in, f.ggr, f.deposits, f.bonuses
            FROM flows AS f
            CROSS JOIN LATERAL unnest(
                f.upline[1:f.levels_count + CASE WHEN f.is_compressing THEN coalesce(cardinality(f.upline_inactive), 0) ELSE 0 END]
            ) WITH ORDINALITY AS u (beneficiary_id, distance)
            CROSS JOIN LATERAL (
                SELECT u.distance - CASE WHEN f.is_compressing
                    THEN (SELECT count(*) FROM unnest(f.upline_inactive) AS i (distance) WHERE i.distance < u.distance) ELSE 0 END
            ) AS l (plan_level)
            WHERE (f.upline_inactive IS NULL OR u.distance <> ALL (f.upline_inactive)) AND l.plan_level <= f.levels_count
            UNION ALL
            SELECT s.beneficiary_id, s.plan_level, s.dated_in, -s.ggr, -s.deposits, -s.bonuses
            FROM fature_v2.revshare_sum AS s JOIN looked_at AS p ON p.period_start = s.dated_in
        ) AS parts
        GROUP BY beneficiary_id, plan_level, dated_in
        HAVING sum(ggr) <> 0 OR sum(deposits) <> 0 OR sum(bonuses) <> 0
        """
}
