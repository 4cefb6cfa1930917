import Commission
import Core
import Testing

@Suite("Percentages")
struct PercentageTests {
    @Test("the standard plan pays 5, 3, 2, 1 and 0.5% of a deposit or a bet, and nothing beyond")
    func standard() throws {
        let bet = TransactionFacts(type: .bet, amount: try money("100.00"), isCommissionEligible: true)
        let wanted = [
            "101 5.00", "102 3.00", "103 2.00", "104 1.00", "105 0.50", "106 beyond_plan_depth", "107 beyond_plan_depth",
        ]
        #expect(explained(.standard, try deposit("100.00"), ancestors: upline(7)) == wanted)
        #expect(explained(.standard, bet, ancestors: upline(7)) == wanted)
        #expect(payments(.standard, bet, ancestors: upline(7)).map(\.ordinal) == [1, 2, 3, 4, 5])
        #expect(payments(.standard, bet, ancestors: upline(2)).map(\.amount) == [try money("5.00"), try money("3.00")])
        #expect(payments(.standard, bet, ancestors: []).isEmpty)
    }

    @Test("withdrawals and bonuses pay nothing under the standard plan, and neither does what is not eligible")
    func nothing() throws {
        for type in [TransactionType.withdrawal, .bonus] {
            let facts = TransactionFacts(type: type, amount: try money("100.00"), isCommissionEligible: true)
            #expect(explained(.standard, facts, ancestors: upline(2)) == ["101 no_rule_for_type", "102 no_rule_for_type"])
        }
        #expect(explained(.standard, try deposit("100.00", eligible: false), ancestors: upline(1)) == ["101 not_eligible"])
    }

    @Test("an inactive ancestor earns nothing and its share does not move up")
    func inactive() throws {
        let wanted = ["101 inactive", "102 3.00", "103 inactive", "104 1.00", "105 0.50", "106 beyond_plan_depth"]
        #expect(explained(.standard, try deposit("100.00"), ancestors: upline(6), inactive: [1, 3, 6]) == wanted)
        let trace = CommissionPlan.standard.trace(
            of: try deposit("100.00"), ancestors: upline(1).span, inactive: [1].span, earnedThisMonth: { _ in .zero })
        #expect(trace.planName == "default" && trace.planVersion == 1)
        #expect(trace.entries.first?.amountBeforeCap == (try money("5.00")))
        #expect(trace.entries.first?.amount == .zero)
    }

    @Test("with compression an inactive ancestor is passed over and the next active one takes its level")
    func compression() throws {
        let compressing = try plan(isCompressing: true, percentage: PercentageRule(deposit: try rates("5%", "3%", "2%")))
        let wanted = [
            "101 compressed", "102 5.00", "103 compressed", "104 compressed", "105 3.00", "106 2.00", "107 beyond_plan_depth",
        ]
        #expect(explained(compressing, try deposit("100.00"), ancestors: upline(7), inactive: [1, 3, 4]) == wanted)
        let paid = payments(compressing, try deposit("100.00"), ancestors: upline(7), inactive: [1, 3, 4])
        #expect(paid.map(\.levelDistance) == [2, 5, 6])
        #expect(paid.map(\.planLevel) == [1, 2, 3])
        #expect(paid.map(\.ordinal) == [2, 5, 6])
        #expect(payments(compressing, try deposit("100.00"), ancestors: upline(3), inactive: [1, 2, 3]).isEmpty)
    }

    @Test("a share is rounded once, half away from zero or half even as the plan says")
    func rounding() throws {
        func amount(_ base: String, _ rate: String, _ rounding: Rounding) throws -> [String] {
            explained(
                try plan(rounding: rounding, percentage: PercentageRule(deposit: try rates(rate))), try deposit(base),
                ancestors: upline(1))
        }
        #expect(try amount("6.45", "30%", .halfAwayFromZero) == ["101 1.94"])
        #expect(try amount("6.45", "30%", .halfEven) == ["101 1.94"])
        #expect(try amount("5.00", "2.9%", .halfAwayFromZero) == ["101 0.15"])
        #expect(try amount("5.00", "2.9%", .halfEven) == ["101 0.14"])
        #expect(try amount("0.99", "0.5%", .halfAwayFromZero) == ["101 rounds_to_zero"])
        #expect(try amount("1.00", "0.5%", .halfAwayFromZero) == ["101 0.01"])
        #expect(try amount("1.00", "0.5%", .halfEven) == ["101 rounds_to_zero"])
        #expect(try amount("9999999999999.99", "100%", .halfEven) == ["101 9999999999999.99"])
        #expect(try amount("9999999999999.99", "0%", .halfEven) == ["101 rounds_to_zero"])
    }

    @Test("a plan of a thousand levels pays a thousand ancestors, and ancestors beyond earn nothing")
    func deepest() throws {
        let cent = try #require(Rate(tenThousandths: 10))
        let deep = try plan(percentage: PercentageRule(bet: Array(repeating: cent, count: 1_000)))
        let facts = TransactionFacts(type: .bet, amount: .max, isCommissionEligible: true)
        let paid = payments(deep, facts, ancestors: upline(1_500))
        #expect(paid.count == CommissionPlan.ancestorsMax && paid.last?.ordinal == 1_000)
        #expect(paid.allSatisfy { $0.amount.minorUnits == 1_000_000_000_000 })
    }

    @Test("amounts that no transaction has pay nothing and trap nowhere")
    func outside() throws {
        for minorUnits in [0, -1, Int64.min] {
            let facts = TransactionFacts(type: .bet, amount: Money(minorUnits: minorUnits), isCommissionEligible: true)
            #expect(payments(.standard, facts, ancestors: upline(5)).isEmpty)
        }
        let facts = TransactionFacts(type: .bet, amount: Money(minorUnits: .max), isCommissionEligible: true)
        #expect(payments(.standard, facts, ancestors: upline(5)).count == 5)
    }

    @Test("payments are appended behind what the buffer holds and take no new memory while there is room")
    func buffer() throws {
        var buffer: [Payment] = []
        buffer.reserveCapacity(64)
        let address = buffer.withUnsafeBufferPointer(\.baseAddress)
        let ancestors = upline(5)
        for _ in 0..<3 {
            buffer.removeAll(keepingCapacity: true)
            for _ in 0..<12 {
                CommissionPlan.standard.payments(
                    for: try deposit("100.00"), ancestors: ancestors.span, inactive: [Int16]().span,
                    earnedThisMonth: { _ in .zero },
                    into: &buffer)
            }
            #expect(buffer.count == 60 && buffer.withUnsafeBufferPointer(\.baseAddress) == address)
        }
        #expect(MemoryLayout<Payment>.size == 40)
    }

    @Test("a reversal mirrors its payment exactly, and reverses back")
    func reversal() throws {
        for payment in payments(.standard, try deposit("123.45"), ancestors: upline(5)) {
            let mirror = payment.reversal
            #expect(mirror.ordinal == -payment.ordinal && mirror.amount == -payment.amount && mirror.base == -payment.base)
            #expect(mirror.beneficiary == payment.beneficiary && mirror.levelDistance == payment.levelDistance)
            #expect(mirror.rate == payment.rate && mirror.rule == payment.rule)
            #expect(mirror.reversal == payment)
        }
    }
}
