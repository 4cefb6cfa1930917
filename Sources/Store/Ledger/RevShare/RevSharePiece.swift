import Commission
import Core
import PostgresClient

/// Beneficiaries of a period who are settled together, in ascending order.
struct RevSharePiece {
    struct Settlement {
        let beneficiary: Int64
        let carriedIn: Money
        let result: RevShareSettlement
    }

    private(set) var settlements: [Settlement] = []
    private(set) var sums = SettledSums()

    /// Reads what the next beneficiaries after `after` are settled from, and settles them. Writes nothing.
    init(
        of period: SettledPeriod, _ plan: CommissionPlan, after: Int64, beneficiariesMax: Int, on connection: PostgresConnection
    ) throws {
        guard let rule = plan.revShare else {
            throw StoreError(.unexpectedAnswer, "version \(plan.version) of the plan has no RevShare")
        }
        // A plan that forgets losses has nobody come back for one.
        let carriedFrom = rule.isCarryingLosses ? period.previousStart : nil
        let rows = try connection.execute(
            Self.readSQL,
            [
                .text(SettledPeriod.timestamp(period.start)), .optionalText(carriedFrom.map(SettledPeriod.timestamp)),
                .int(after),
                .int(Int64(beneficiariesMax)),
            ])
        var row = 0
        while row < rows.rowCount {
            let beneficiary = try rows.int(row, 0)
            let carriedIn = Money(minorUnits: try rows.int(row, 1))
            var levels: [RevShareLevel] = []
            while row < rows.rowCount, try rows.int(row, 0) == beneficiary {
                if let level = try rows.optionalInt(row, 2) {
                    let sums = PeriodSums(
                        ggr: Money(minorUnits: try rows.int(row, 3)), deposits: Money(minorUnits: try rows.int(row, 4)),
                        bonuses: Money(minorUnits: try rows.int(row, 5)))
                    levels.append(RevShareLevel(levelDistance: Int(level), sums: sums))
                }
                row += 1
            }
            let result = try rule.settle(levels, carriedIn: carriedIn, rounding: plan.rounding)
            guard result.earned.isStorable else {
                throw RevShareError(
                    .tooLarge, "affiliate \(beneficiary) would earn \(result.earned); an entry holds \(Money.max) at most")
            }
            settlements.append(Settlement(beneficiary: beneficiary, carriedIn: carriedIn, result: result))
            sums.beneficiariesCount += 1
            if result.earned > .zero { sums.entriesCount += 1 }
            sums.amount = try sums.amount.adding(result.earned)
            sums.carriedOut = try sums.carriedOut.adding(result.carriedOut)
        }
    }

    /// Writes settlements, entries and totals.
    func write(_ period: SettledPeriod, _ plan: CommissionPlan, on connection: PostgresConnection) throws {
        guard !settlements.isEmpty else { return }
        var numbers = TransactionNumbers()
        try numbers.reserve(settlements.count, on: connection)
        let ids = settlements.map { _ in numbers.take() }
        func column(_ amount: (Settlement) -> Money) -> PostgresValue {
            .hundredthsArray(settlements.map { amount($0).minorUnits })
        }
        _ = try connection.execute(
            Self.settlementsSQL,
            [
                .int8Array(ids), .int8Array(settlements.map(\.beneficiary)), .text(SettledPeriod.timestamp(period.start)),
                .text(SettledPeriod.timestamp(period.end)), column { $0.result.ngr }, column { $0.carriedIn },
                column { $0.result.carriedOut }, column { $0.result.earned }, .int(Int64(plan.version)),
            ])
        let paid = zip(ids, settlements).filter { $0.1.result.earned > .zero }
        guard !paid.isEmpty else { return }
        let beneficiaries = PostgresValue.int8Array(paid.map(\.1.beneficiary))
        let amounts = PostgresValue.hundredthsArray(paid.map(\.1.result.earned.minorUnits))
        // The base tells what the share is of; sums of a network may be larger than an entry holds.
        let bases = paid.map { max(-Money.max, min(Money.max, $0.1.result.ngr)).minorUnits }
        _ = try connection.execute(
            Self.entriesSQL,
            [
                .int8Array(paid.map(\.0)), beneficiaries, .hundredthsArray(bases), amounts, .text(plan.currency.description),
                .int(Int64(plan.version)),
            ])
        _ = try connection.execute(Self.totalsSQL, [beneficiaries, amounts])
    }

    /// A row for each plan level of each beneficiary; those who only carry a loss have one without.
    private static let readSQL = """
        WITH chosen AS (
            SELECT beneficiary_id FROM (
                (SELECT DISTINCT beneficiary_id FROM fature_v2.revshare_sum
                 WHERE period_start = $1::timestamptz AND beneficiary_id > $3 ORDER BY beneficiary_id LIMIT $4)
                UNION
                (SELECT beneficiary_id FROM fature_v2.revshare_settlement
                 WHERE period_start = $2::timestamptz AND beneficiary_id > $3 AND carried_out < 0 ORDER BY beneficiary_id LIMIT $4)
            ) AS either ORDER BY beneficiary_id LIMIT $4
        )
        SELECT c.beneficiary_id, (coalesce(p.carried_out, 0) * 100)::bigint, s.plan_level, (sum(s.ggr) * 100)::bigint,
            (sum(s.deposits) * 100)::bigint, (sum(s.bonuses) * 100)::bigint
        FROM chosen AS c
        LEFT JOIN fature_v2.revshare_sum AS s ON s.period_start = $1::timestamptz AND s.beneficiary_id = c.beneficiary_id
        LEFT JOIN fature_v2.revshare_settlement AS p
            ON p.period_start = $2::timestamptz AND p.beneficiary_id = c.beneficiary_id AND p.carried_out < 0
        GROUP BY c.beneficiary_id, p.carried_out, s.plan_level ORDER BY c.beneficiary_id, s.plan_level
        """

    private static let settlementsSQL = """
        INSERT INTO fature_v2.revshare_settlement (
            settlement_id, beneficiary_id, period_start, period_end, ngr, carried_in, carried_out, amount, plan_version)
        SELECT id, beneficiary, $3::timestamptz, $4::timestamptz, ngr, carried_in, carried_out, amount, $9::integer
        FROM unnest($1, $2, $5, $6, $7, $8) AS w (id, beneficiary, ngr, carried_in, carried_out, amount)
        """

    private static let entriesSQL = """
        INSERT INTO fature_v2.commissions (
            transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
        SELECT id, 1, beneficiary, beneficiary, 0, 'revshare', base, 0, amount, $5, $6::integer
        FROM unnest($1, $2, $3, $4) AS w (id, beneficiary, base, amount)
        """

    /// In ascending order, as everyone who changes totals.
    private static let totalsSQL = """
        INSERT INTO fature_v2.affiliate_totals AS t (affiliate_id, commissions_count, commissions_earned, revshare_earned)
        SELECT id, 1, amount, amount FROM unnest($1, $2) AS w (id, amount) ORDER BY id
        ON CONFLICT (affiliate_id) DO UPDATE SET commissions_count = t.commissions_count + 1,
            commissions_earned = t.commissions_earned + excluded.commissions_earned,
            revshare_earned = t.revshare_earned + excluded.revshare_earned
        """
}
