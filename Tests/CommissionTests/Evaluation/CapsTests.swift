import Commission
import Core
import Testing

@Suite("Caps")
struct CapsTests {
    private func capped(_ caps: CommissionCaps) throws -> CommissionPlan {
        try plan(
            percentage: PercentageRule(deposit: try rates("5%", "3%", "2%")),
            cpa: CPARule(amounts: [try money("50.00"), try money("20.00")]), caps: caps)
    }

    @Test("one transaction pays a beneficiary no more than its cap, percentage and CPA together")
    func beneficiary() throws {
        let limited = try capped(CommissionCaps(beneficiaryPerTransaction: try money("22.00")))
        #expect(
            explained(limited, try deposit("100.00", first: true), ancestors: upline(3)) == [
                "101 5.00", "101 cpa 17.00", "102 3.00", "102 cpa 19.00", "103 2.00", "103 cpa beyond_plan_depth",
            ])
        #expect(
            explained(limited, try deposit("1000.00", first: true), ancestors: upline(1)) == [
                "101 22.00", "101 cpa capped_to_zero",
            ])
    }

    @Test("one transaction pays no more in all than its cap, the nearest ancestors first")
    func total() throws {
        let limited = try capped(CommissionCaps(totalPerTransaction: try money("57.50")))
        #expect(
            explained(limited, try deposit("100.00", first: true), ancestors: upline(3)) == [
                "101 5.00", "101 cpa 50.00", "102 2.50", "102 cpa capped_to_zero", "103 capped_to_zero",
                "103 cpa beyond_plan_depth",
            ])
    }

    @Test("a beneficiary earns no more from percentages in a month than its cap; CPA is beside it")
    func month() throws {
        let limited = try capped(CommissionCaps(beneficiaryPerMonth: try money("100.00")))
        func lines(_ earned: String) throws -> [String] {
            let amount = try money(earned)
            return explained(limited, try deposit("100.00", first: true), ancestors: upline(1)) { _ in amount }
        }
        #expect(try lines("0.00") == ["101 5.00", "101 cpa 50.00"])
        #expect(try lines("95.00") == ["101 5.00", "101 cpa 50.00"])
        #expect(try lines("95.01") == ["101 4.99", "101 cpa 50.00"])
        #expect(try lines("100.00") == ["101 capped_to_zero", "101 cpa 50.00"])
        #expect(try lines("9999999999999.99") == ["101 capped_to_zero", "101 cpa 50.00"])
        #expect(try lines("-50.00") == ["101 5.00", "101 cpa 50.00"])
        let extreme = explained(limited, try deposit("9000000.00"), ancestors: upline(1)) { _ in Money(minorUnits: .min) }
        #expect(extreme.first == "101 100.00")
    }

    @Test("what a month has earned is asked for nobody unless the plan caps months")
    func unasked() throws {
        let limited = try capped(CommissionCaps(beneficiaryPerTransaction: try money("1.00")))
        var asked = 0
        var paid: [Payment] = []
        limited.payments(
            for: try deposit("100.00"), ancestors: upline(3).span, inactive: [Int16]().span,
            earnedThisMonth: { _ in
                asked += 1
                return .zero
            }, into: &paid)
        #expect(paid.count == 3 && asked == 0)
    }

    @Test("a trace tells the amount before the caps from what is paid")
    func traced() throws {
        let limited = try capped(CommissionCaps(beneficiaryPerTransaction: try money("1.00")))
        let trace = limited.trace(
            of: try deposit("100.00"), ancestors: upline(1).span, inactive: [Int16]().span, earnedThisMonth: { _ in .zero })
        #expect(trace.entries.first?.amountBeforeCap == (try money("5.00")))
        #expect(trace.entries.first?.amount == (try money("1.00")))
    }
}
