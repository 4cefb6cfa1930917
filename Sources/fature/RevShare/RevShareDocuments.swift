import Commission
import Core
import Store

/// A period as `--json` shows it. Amounts are decimal texts.
struct PeriodDocument: Encodable {
    let name: String
    let cadence: String
    let start: String
    let end: String
    let planVersion: Int
    /// Absent while some affiliates may not be settled yet.
    let settledAt: String?
    let transactions: Int64
    let affiliates: Int64
    let entries: Int64
    let amount: String
    let carriedOut: String
    let settlements: [SettlementDocument]?

    init(_ period: SettledPeriod, settlements: [SettlementDocument]? = nil) {
        name = period.name
        cadence = period.cadence.name.description
        start = MomentText.of(microseconds: period.start)
        end = MomentText.of(microseconds: period.end)
        planVersion = period.planVersion
        settledAt = period.settledAt.map { MomentText.of(microseconds: $0) }
        transactions = period.transactionsCount
        affiliates = period.settled.beneficiariesCount
        entries = period.settled.entriesCount
        amount = "\(period.settled.amount)"
        carriedOut = "\(period.settled.carriedOut)"
        self.settlements = settlements
    }

    static func table(_ periods: [PeriodDocument]) -> String {
        var table = TextTable([
            "period", "from", "to", "plan", "transactions", "affiliates", "earning", "amount", "carried", "settled",
        ])
        for period in periods {
            table.add([
                period.name, period.start, period.end, String(period.planVersion), String(period.transactions),
                String(period.affiliates), String(period.entries), period.amount, period.carriedOut,
                period.settledAt ?? "interrupted",
            ])
        }
        return periods.isEmpty ? "no period was settled yet" : table.text
    }
}

/// What one affiliate was settled for.
struct SettlementDocument: Encodable {
    struct LevelDocument: Encodable {
        let level: Int
        let ggr: String
        let deposits: String
        let bonuses: String
        let ggrOfEarlierPeriods: String
        let depositsOfEarlierPeriods: String
        let bonusesOfEarlierPeriods: String
        let ngr: String
        let rate: String
        let share: String

        init(_ level: RevShareHistory.Level) {
            self.level = level.planLevel
            ggr = "\(level.sums.ggr)"
            deposits = "\(level.sums.deposits)"
            bonuses = "\(level.sums.bonuses)"
            ggrOfEarlierPeriods = "\(level.fromEarlier.ggr)"
            depositsOfEarlierPeriods = "\(level.fromEarlier.deposits)"
            bonusesOfEarlierPeriods = "\(level.fromEarlier.bonuses)"
            ngr = "\(level.ngr)"
            rate = "\(level.rate)"
            share = "\(level.share)"
        }

        static func table(_ levels: [LevelDocument]) -> String {
            var table = TextTable(["level", "ggr", "deposits", "bonuses", "ggr of earlier periods", "ngr", "rate", "share"])
            for level in levels {
                table.add([
                    String(level.level), level.ggr, level.deposits, level.bonuses, level.ggrOfEarlierPeriods, level.ngr,
                    level.rate,
                    level.share,
                ])
            }
            return table.text
        }
    }

    let affiliateId: Int64
    let settlementId: Int64
    let ngr: String
    let carriedIn: String
    let carriedOut: String
    let amount: String
    /// That of the commission; absent if nothing was earned.
    let status: String?
    let levels: [LevelDocument]?

    init(_ settlement: RevShareHistory.Settlement, levels: [RevShareHistory.Level]? = nil) {
        affiliateId = settlement.beneficiary.rawValue
        settlementId = settlement.id
        ngr = "\(settlement.ngr)"
        carriedIn = "\(settlement.carriedIn)"
        carriedOut = "\(settlement.carriedOut)"
        amount = "\(settlement.amount)"
        status = settlement.status
        self.levels = levels?.map { LevelDocument($0) }
    }

    static func table(_ settlements: [SettlementDocument]) -> String {
        var table = TextTable(["affiliate", "settlement", "ngr", "carried in", "carried out", "amount", "status"])
        for settlement in settlements {
            table.add([
                String(settlement.affiliateId), String(settlement.settlementId), settlement.ngr, settlement.carriedIn,
                settlement.carriedOut, settlement.amount, settlement.status ?? "",
            ])
        }
        return table.text
    }
}
