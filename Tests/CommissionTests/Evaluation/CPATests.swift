import Commission
import Core
import Testing

@Suite("Fixed amounts for a first deposit")
struct CPATests {
    @Test("each level gets its amount on the first qualifying deposit, beside the percentage, and on no other")
    func first() throws {
        let hybrid = try plan(
            percentage: PercentageRule(deposit: try rates("5%")),
            cpa: CPARule(amounts: [try money("50.00"), try money("0.00"), try money("10.00")]))
        #expect(
            explained(hybrid, try deposit("100.00", first: true), ancestors: upline(4)) == [
                "101 5.00", "101 cpa 50.00", "102 beyond_plan_depth", "102 cpa rounds_to_zero", "103 beyond_plan_depth",
                "103 cpa 10.00",
                "104 beyond_plan_depth", "104 cpa beyond_plan_depth",
            ])
        #expect(
            explained(hybrid, try deposit("100.00"), ancestors: upline(2)) == [
                "101 5.00", "101 cpa not_first_qualifying_deposit", "102 beyond_plan_depth",
                "102 cpa not_first_qualifying_deposit",
            ])
        #expect(
            payments(hybrid, try deposit("100.00", first: true), ancestors: upline(4)).map(\.ordinal) == [1, 2_001, 2_003])
    }

    @Test("a bet never pays one, and a deposit that is not eligible pays neither")
    func others() throws {
        let alone = try plan(cpa: CPARule(amounts: [try money("50.00")]))
        let bet = TransactionFacts(type: .bet, amount: .max, isCommissionEligible: true, isFirstQualifyingDeposit: true)
        #expect(explained(alone, bet, ancestors: upline(1)) == ["101 no_rule_for_type"])
        #expect(
            explained(alone, try deposit("9.00", first: true, eligible: false), ancestors: upline(1)) == [
                "101 no_rule_for_type", "101 cpa not_eligible",
            ])
    }

    @Test("inactive ancestors lose it, or with compression leave it to the next active one")
    func inactive() throws {
        let amounts = [try money("50.00"), try money("20.00")]
        let facts = try deposit("100.00", first: true)
        func lines(_ isCompressing: Bool) throws -> [String] {
            explained(
                try plan(isCompressing: isCompressing, cpa: CPARule(amounts: amounts)), facts, ancestors: upline(3), inactive: [1]
            ).filter { $0.contains("cpa") }
        }
        #expect(try lines(false) == ["101 cpa inactive", "102 cpa 20.00", "103 cpa beyond_plan_depth"])
        #expect(try lines(true) == ["101 cpa compressed", "102 cpa 50.00", "103 cpa 20.00"])
    }

    @Test("a deposit qualifies from the minimum on and before the window ends")
    func qualifies() throws {
        let rule = CPARule(amounts: [try money("1.00")], minimumDeposit: try money("50.00"), windowDays: 30)
        let day = CivilTime.microsecondsPerDay
        let fifty = try money("50.00")
        #expect(rule.qualifies(deposit: fifty, date: 30 * day - 1, registeredAt: 0))
        #expect(!rule.qualifies(deposit: fifty, date: 30 * day, registeredAt: 0))
        #expect(!rule.qualifies(deposit: try money("49.99"), date: 0, registeredAt: 0))
        #expect(rule.qualifies(deposit: fifty, date: -5 * day, registeredAt: 0))
        #expect(rule.qualifies(deposit: fifty, date: .min, registeredAt: .max))
        #expect(!rule.qualifies(deposit: fifty, date: .max, registeredAt: .min))
        let always = CPARule(amounts: [fifty])
        #expect(always.qualifies(deposit: try money("0.01"), date: .max, registeredAt: .min))
    }
}
