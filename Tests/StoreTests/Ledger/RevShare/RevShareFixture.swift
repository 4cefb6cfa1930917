import Commission
import Core
import PostgresClient
import Store
import TestServers
import Testing

/// A programme with RevShare since 2024-01-01.
enum RevShareFixture {
    struct Terms: Sendable, CustomTestStringConvertible {
        var rates = ["30%", "7.5%", "0.33%"]
        var ggrFee = "0%"
        var depositFee = "0%"
        var deductsBonuses = false
        var carriesLosses = false
        var compresses = false
        var roundsToEven = false
        var period = SettlementPeriod.monthly

        var testDescription: String {
            "fees \(ggrFee) \(depositFee), bonuses \(deductsBonuses), carry \(carriesLosses), compression \(compresses), even \(roundsToEven)"
        }
    }

    static func moment(_ text: String) throws -> Int64 { try #require(Timestamp.parse(text.utf8)) }

    static func name(_ text: String) throws -> RevSharePeriodName { try #require(RevSharePeriodName(text)) }

    static func plan(_ terms: Terms, version: Int = 2, from: String = "2024-01-01") throws -> CommissionPlan {
        try CommissionPlan(
            name: "revshare", version: version, effectiveFrom: moment(from),
            rounding: terms.roundsToEven ? .halfEven : .halfAwayFromZero, isCompressing: terms.compresses,
            percentage: PercentageRule(bet: [try Rate.parse("1%")]),
            revShare: RevShareRule(
                rates: try terms.rates.map { try Rate.parse($0) }, period: terms.period, ggrFee: try Rate.parse(terms.ggrFee),
                depositFee: try Rate.parse(terms.depositFee), isDeductingBonuses: terms.deductsBonuses,
                isCarryingLosses: terms.carriesLosses))
    }

    /// A database in which these plans hold beside the standard one, and the book of them.
    static func create(_ plans: [CommissionPlan]) async throws -> (store: StoreDatabase, book: PlanBook) {
        let store = try await StoreDatabase.create()
        let connection = try store.connect()
        for plan in plans {
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.commission_plan (version, name, effective_from, definition, applied_by)
                VALUES ($1::integer, $2, timestamptz 'epoch' + $3 * interval '1 microsecond', $4::text::jsonb, 'tests')
                """,
                [.int(Int64(plan.version)), .text(plan.name), .int(plan.effectiveFrom), .text(plan.canonicalJSON)])
        }
        return (store, try PlanStore.load(connection).book)
    }
}

extension PostgresConnection {
    /// Accepts and pays them.
    func process(_ group: [NewTransaction], _ book: PlanBook) throws {
        try commit(group)
        try pay(ordersWaiting(), plans: .init(revision: 0, book: book))
    }

    @discardableResult
    func settle(
        _ period: String, isDryRun: Bool = false, perPiece: Int = 7, onPiece: (SettledSums) throws -> Void = { _ in }
    ) throws -> RevShareLedger.Outcome {
        let outcomes = try RevShareLedger.settle(
            RevShareFixture.name(period), origin: StoreDatabase.origin, isDryRun: isDryRun, beneficiariesPerPiece: perPiece,
            on: self, onPiece: onPiece)
        return try #require(outcomes.count == 1 ? outcomes.first : nil)
    }

    func reverse(_ externalID: String) throws {
        _ = try execute(
            """
            SELECT fature_v2.reverse_transaction(transaction_id, 'a test', 'tests', NULL)
            FROM fature_v2.transactions WHERE external_transaction_id = $1
            """, [.text(externalID)])
    }

    /// Everything a settlement may write, as one text.
    func settlementFingerprint() throws -> [String] {
        try ["revshare_period", "revshare_sum", "revshare_settlement", "commissions", "affiliate_totals", "audit_log"].flatMap {
            try rows(
                "SELECT '\($0)', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM fature_v2.\($0) AS t"
            )
        }
    }
}
