import Commission
import Core
import PostgresClient

/// What has been settled, to be shown.
package enum RevShareHistory {
    /// What one beneficiary was settled for in one period.
    package struct Settlement: Sendable, Equatable {
        /// The number of its entry in the ledger, if it earned something.
        package let id: Int64
        package let beneficiary: AffiliateID
        package let ngr: Money
        package let carriedIn: Money
        package let carriedOut: Money
        package let amount: Money
        /// The entry's status; nil if nothing was earned.
        package let status: String?
    }

    /// One plan level of a beneficiary, as it was settled.
    package struct Level: Sendable, Equatable {
        package let planLevel: Int
        package let sums: PeriodSums
        /// How much of the sums comes from transactions of earlier periods: late ones, less those reversed since.
        package let fromEarlier: PeriodSums
        package let rate: Rate
        package let ngr: Money
        package let share: Money
    }

    /// Every period that was gathered, the oldest first.
    package static func periods(on connection: PostgresConnection) throws -> [SettledPeriod] {
        try SettledPeriod.load(on: connection)
    }

    /// The periods of a calendar month or week.
    package static func periods(in name: RevSharePeriodName, on connection: PostgresConnection) throws -> [SettledPeriod] {
        try SettledPeriod.load(on: connection).filter {
            $0.cadence == name.cadence && $0.start >= name.start && $0.start < name.end
        }
    }

    /// The settlements of a period, the largest first, or of one affiliate.
    package static func settlements(
        of period: SettledPeriod, affiliate: AffiliateID? = nil, limit: Int, on connection: PostgresConnection
    ) throws -> [Settlement] {
        let result = try connection.execute(
            """
            SELECT s.settlement_id, s.beneficiary_id, (s.ngr * 100)::bigint, (s.carried_in * 100)::bigint, (s.carried_out * 100)::bigint,
                (s.amount * 100)::bigint, c.status
            FROM fature_v2.revshare_settlement AS s
            LEFT JOIN fature_v2.commissions AS c ON c.transaction_id = s.settlement_id AND c.ordinal = 1
            WHERE s.period_start = $1::timestamptz AND ($2::bigint IS NULL OR s.beneficiary_id = $2::bigint)
            ORDER BY s.amount DESC, s.beneficiary_id LIMIT $3
            """,
            [
                .text(SettledPeriod.timestamp(period.start)), .optionalInt(affiliate?.rawValue), .int(Int64(limit)),
            ])
        return try (0..<result.rowCount).map { row in
            func money(_ column: Int) throws -> Money { Money(minorUnits: try result.int(row, column)) }
            return Settlement(
                id: try result.int(row, 0), beneficiary: AffiliateID(try result.int(row, 1)), ngr: try money(2),
                carriedIn: try money(3), carriedOut: try money(4), amount: try money(5), status: try result.optionalText(row, 6))
        }
    }

    /// How a settlement came about, level by level: computed again from what was gathered, by the version that settled it.
    package static func levels(
        of period: SettledPeriod, affiliate: AffiliateID, on connection: PostgresConnection
    ) throws -> [Level] {
        let (_, book) = try PlanStore.load(connection)
        guard let plan = book.plan(version: period.planVersion), let rule = plan.revShare else {
            throw StoreError(.unexpectedAnswer, "version \(period.planVersion) of the plan has no RevShare")
        }
        let result = try connection.execute(
            """
            SELECT plan_level, (sum(ggr) * 100)::bigint, (sum(deposits) * 100)::bigint, (sum(bonuses) * 100)::bigint,
                (coalesce(sum(ggr) FILTER (WHERE dated_in < period_start), 0) * 100)::bigint,
                (coalesce(sum(deposits) FILTER (WHERE dated_in < period_start), 0) * 100)::bigint,
                (coalesce(sum(bonuses) FILTER (WHERE dated_in < period_start), 0) * 100)::bigint
            FROM fature_v2.revshare_sum WHERE period_start = $1::timestamptz AND beneficiary_id = $2
            GROUP BY plan_level ORDER BY plan_level
            """, [.text(SettledPeriod.timestamp(period.start)), .int(affiliate.rawValue)])
        func sums(_ row: Int, _ column: Int) throws -> PeriodSums {
            PeriodSums(
                ggr: Money(minorUnits: try result.int(row, column)), deposits: Money(minorUnits: try result.int(row, column + 1)),
                bonuses: Money(minorUnits: try result.int(row, column + 2)))
        }
        let levels = try (0..<result.rowCount).map { row in
            RevShareLevel(levelDistance: Int(try result.int(row, 0)), sums: try sums(row, 1))
        }
        let settled = try rule.settle(levels, carriedIn: .zero, rounding: plan.rounding)
        return try levels.indices.map { row in
            Level(
                planLevel: levels[row].levelDistance, sums: levels[row].sums, fromEarlier: try sums(row, 4),
                rate: settled.levels[row].rate, ngr: settled.levels[row].ngr, share: settled.levels[row].share)
        }
    }
}
