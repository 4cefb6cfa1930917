import Commission
import Core
import Testing

private func refusedField(_ body: () throws -> CommissionPlan) -> String? {
    do {
        _ = try body()
        return nil
    } catch let error as PlanError {
        #expect(error.code == .outOfRange)
        return error.field
    } catch {
        return "\(error)"
    }
}

@Suite("What a plan may hold")
struct PlanValidationTests {
    @Test("the standard plan passes all checks and has its five rates")
    func standard() throws {
        #expect(try CommissionPlan.standard.reissued(version: 1, effectiveFrom: 0) == .standard)
        #expect(CommissionPlan.standard.percentage == PercentageRule(deposit: try fiveRates(), bet: try fiveRates()))
        #expect(CommissionPlan.standard.cpa == nil && CommissionPlan.standard.revShare == nil)
        #expect(CommissionPlan.standard.caps == CommissionCaps() && CommissionPlan.standard.currency == .brl)
    }

    private func fiveRates() throws -> [Rate] { try rates("5%", "3%", "2%", "1%", "0.5%") }

    @Test("name, version and date outside their limits are refused by field")
    func head() throws {
        for name in ["", "Default", "a b", "ä", String(repeating: "a", count: 65)] {
            #expect(refusedField { try CommissionPlan(name: name, version: 1, effectiveFrom: 0) } == "name")
        }
        for version in [0, -1, Int.max] {
            #expect(refusedField { try CommissionPlan(name: "a", version: version, effectiveFrom: 0) } == "version")
        }
        for date in [-1, Int64.max, PlanLimits.effectiveFromMicrosecondsMax + 1] {
            #expect(refusedField { try CommissionPlan(name: "a", version: 1, effectiveFrom: date) } == "effective_from")
        }
        #expect(
            refusedField {
                try CommissionPlan(
                    name: String(repeating: "a", count: 64), version: PlanLimits.versionMax,
                    effectiveFrom: PlanLimits.effectiveFromMicrosecondsMax)
            } == nil)
    }

    @Test("levels that give away more than everything, or that are too many, are refused by type")
    func levels() throws {
        let half = try rates("50%", "50%")
        #expect(refusedField { try plan(percentage: PercentageRule(deposit: half)) } == nil)
        #expect(refusedField { try plan(percentage: PercentageRule(deposit: half + rates("0.01%"))) } == "percentage.deposit")
        #expect(refusedField { try plan(percentage: PercentageRule(bonus: rates("99%", "2%"))) } == "percentage.bonus")
        #expect(refusedField { try plan(revShare: RevShareRule(rates: rates("99%", "2%"))) } == "revshare.rates")
        #expect(refusedField { try plan(revShare: RevShareRule(rates: [])) } == "revshare.rates")
        let many = Array(repeating: Rate.zero, count: 1_001)
        #expect(refusedField { try plan(percentage: PercentageRule(bet: many)) } == "percentage.bet")
        #expect(refusedField { try plan(cpa: CPARule(amounts: Array(repeating: .zero, count: 1_001))) } == "cpa.amounts")
    }

    @Test("amounts outside their limits are refused by field")
    func amounts() throws {
        let cent = Money(minorUnits: 1)
        let tooLarge = Money.max + cent
        #expect(refusedField { try plan(cpa: CPARule(amounts: [])) } == "cpa.amounts")
        #expect(refusedField { try plan(cpa: CPARule(amounts: [cent, -cent])) } == "cpa.amounts[1]")
        #expect(refusedField { try plan(cpa: CPARule(amounts: [tooLarge])) } == "cpa.amounts[0]")
        #expect(refusedField { try plan(cpa: CPARule(amounts: [cent], minimumDeposit: -cent)) } == "cpa.minimum_deposit")
        #expect(refusedField { try plan(cpa: CPARule(amounts: [cent], windowDays: 0)) } == "cpa.window_days")
        #expect(refusedField { try plan(cpa: CPARule(amounts: [cent], windowDays: 36_501)) } == "cpa.window_days")
        for cap in [Money.zero, -cent, tooLarge] {
            #expect(
                refusedField { try plan(caps: CommissionCaps(beneficiaryPerTransaction: cap)) }
                    == "caps.per_transaction.beneficiary")
            #expect(refusedField { try plan(caps: CommissionCaps(totalPerTransaction: cap)) } == "caps.per_transaction.total")
            #expect(refusedField { try plan(caps: CommissionCaps(beneficiaryPerMonth: cap)) } == "caps.per_month.beneficiary")
        }
    }

    @Test("every rule, reason and period has a name of its own")
    func names() {
        #expect(Set(UnpaidReason.allCases.map { "\($0.name)" }).count == UnpaidReason.allCases.count)
        for rule in CommissionRule.allCases { #expect(CommissionRule(name: "\(rule.name)") == rule) }
        for period in SettlementPeriod.allCases { #expect(SettlementPeriod(name: "\(period.name)") == period) }
        #expect(CommissionRule(name: "cpc") == nil && SettlementPeriod(name: "daily") == nil)
    }
}
