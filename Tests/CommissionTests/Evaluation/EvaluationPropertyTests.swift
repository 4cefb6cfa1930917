import Commission
import Core
import Testing

private let casesCount = 20_000

@Suite("Evaluation, at random")
struct EvaluationPropertyTests {
    @Test("payments and trace agree with each other and with the plainest model")
    func agreement() throws {
        var random = SplitMix64(seed: 11)
        var paidCount = 0
        for _ in 0..<casesCount {
            let sample = try RandomCase(using: &random)
            let paid = payments(
                sample.plan, sample.facts, ancestors: sample.ancestors, inactive: sample.inactive,
                earned: { sample.earned[$0] ?? .zero })
            let plain = PlainModel.paid(sample)
            #expect(paid.map { PlainModel.Paid(id: $0.beneficiary, ordinal: $0.ordinal, amount: $0.amount.minorUnits) } == plain)
            #expect(Set(paid.map(\.ordinal)).count == paid.count)
            paidCount += paid.count
        }
        #expect(paidCount > casesCount, "the cases are too poor to show anything")
    }

    @Test("a trace has an entry for every ancestor and every rule that looks at it")
    func completeness() throws {
        var random = SplitMix64(seed: 12)
        var reasons: Set<UnpaidReason> = []
        for _ in 0..<casesCount {
            let sample = try RandomCase(using: &random)
            let trace = sample.plan.trace(
                of: sample.facts, ancestors: sample.ancestors.span, inactive: sample.inactive.span,
                earnedThisMonth: { sample.earned[$0] ?? .zero })
            let rules: [CommissionRule] =
                sample.facts.type == .deposit && sample.plan.cpa != nil ? [.percentage, .cpa] : [.percentage]
            #expect(trace.entries.map(\.rule) == sample.ancestors.flatMap { _ in rules })
            #expect(trace.entries.map(\.beneficiary) == sample.ancestors.flatMap { id in rules.map { _ in id } })
            for entry in trace.entries {
                #expect(entry.amount <= entry.amountBeforeCap)
                if case .unpaid(let reason) = entry.outcome { reasons.insert(reason) }
            }
        }
        #expect(reasons == Set(UnpaidReason.allCases))
    }

    @Test("without caps each level is exact to half a minor unit, and all together are no more than the rates say")
    func conservation() throws {
        var random = SplitMix64(seed: 13)
        for _ in 0..<casesCount {
            let sample = try RandomCase(using: &random)
            let uncapped = try plan(
                rounding: sample.plan.rounding, isCompressing: sample.plan.isCompressing, percentage: sample.plan.percentage)
            let paid = payments(uncapped, sample.facts, ancestors: sample.ancestors, inactive: sample.inactive)
            var exact: Int128 = 0
            var sum: Int128 = 0
            for payment in paid {
                let product = Int128(payment.base.minorUnits) * Int128(payment.rate.tenThousandths)
                #expect((Int128(payment.amount.minorUnits) * 10_000 - product).magnitude <= 5_000)
                exact += product
                sum += Int128(payment.amount.minorUnits) * 10_000
            }
            let rates = uncapped.percentage[sample.facts.type].reduce(Int128(0)) { $0 + Int128($1.tenThousandths) }
            #expect(exact <= rates * Int128(sample.facts.amount.minorUnits))
            #expect((sum - exact).magnitude <= 5_000 * paid.count)
        }
    }

    @Test("no cap is ever exceeded")
    func caps() throws {
        var random = SplitMix64(seed: 14)
        for _ in 0..<casesCount {
            let sample = try RandomCase(using: &random)
            let paid = payments(
                sample.plan, sample.facts, ancestors: sample.ancestors, inactive: sample.inactive,
                earned: { sample.earned[$0] ?? .zero })
            if let cap = sample.plan.caps.totalPerTransaction { #expect(paid.reduce(.zero) { $0 + $1.amount } <= cap) }
            for (id, all) in Dictionary(grouping: paid, by: \.beneficiary) {
                if let cap = sample.plan.caps.beneficiaryPerTransaction { #expect(all.reduce(.zero) { $0 + $1.amount } <= cap) }
                if let cap = sample.plan.caps.beneficiaryPerMonth {
                    for payment in all where payment.rule == .percentage {
                        #expect(payment.amount + max(.zero, sample.earned[id] ?? .zero) <= cap)
                    }
                }
            }
        }
    }

    @Test("a larger amount and a higher rate never pay a level less")
    func monotonicity() throws {
        var random = SplitMix64(seed: 15)
        func amounts(_ plan: CommissionPlan, _ sample: RandomCase, _ facts: TransactionFacts) -> [Int16: Money] {
            let paid = payments(plan, facts, ancestors: sample.ancestors, inactive: sample.inactive)
            return Dictionary(uniqueKeysWithValues: paid.map { ($0.ordinal, $0.amount) })
        }
        for _ in 0..<casesCount {
            let sample = try RandomCase(using: &random)
            var caps = sample.plan.caps
            caps.totalPerTransaction = nil
            func changed(_ percentage: PercentageRule) throws -> CommissionPlan {
                try plan(
                    rounding: sample.plan.rounding, isCompressing: sample.plan.isCompressing, percentage: percentage, caps: caps)
            }
            let before = amounts(try changed(sample.plan.percentage), sample, sample.facts)
            var larger = sample.facts
            larger.amount = Money(
                minorUnits: Int64.random(in: sample.facts.amount.minorUnits...Money.max.minorUnits, using: &random))
            let afterAmount = amounts(try changed(sample.plan.percentage), sample, larger)
            // Half of what the levels leave goes to one of them.
            var raised = sample.plan.percentage
            let left = 10_000 - raised.bet.reduce(0) { $0 + Int($1.tenThousandths) }
            if let level = raised.bet.indices.randomElement(using: &random),
                let rate = Rate(tenThousandths: Int(raised.bet[level].tenThousandths) + left / 2)
            {
                raised.bet[level] = rate
            }
            let afterRate = amounts(try changed(raised), sample, sample.facts)
            for (ordinal, amount) in before {
                #expect(afterAmount[ordinal] ?? .zero >= amount)
                #expect(afterRate[ordinal] ?? .zero >= amount)
            }
        }
    }
}
