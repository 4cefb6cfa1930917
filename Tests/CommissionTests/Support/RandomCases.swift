import Commission
import Core

/// A transaction and the plan it is paid by, chosen at random with a liking for edges.
struct RandomCase {
    let plan: CommissionPlan
    let facts: TransactionFacts
    let ancestors: [AffiliateID]
    let inactive: [Int16]
    let earned: [AffiliateID: Money]

    init(using random: inout SplitMix64) throws {
        var percentage = PercentageRule()
        percentage.deposit = Self.rates(using: &random)
        percentage.bet = Self.rates(using: &random)
        if Bool.random(using: &random) { percentage.bonus = Self.rates(using: &random) }
        var caps = CommissionCaps()
        if Int.random(in: 0..<3, using: &random) == 0 { caps.beneficiaryPerTransaction = Self.positive(using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { caps.totalPerTransaction = Self.positive(using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { caps.beneficiaryPerMonth = Self.positive(using: &random) }
        let cpa =
            Bool.random(using: &random)
            ? CPARule(amounts: (0..<Int.random(in: 1...4, using: &random)).map { _ in Self.amount(using: &random) }) : nil
        plan = try CommissionPlan(
            name: "random", version: 1, effectiveFrom: 0, rounding: Rounding.allCases.randomElement(using: &random) ?? .halfEven,
            isCompressing: Bool.random(using: &random), percentage: percentage, cpa: cpa, caps: caps)
        let types: [TransactionType] = [.deposit, .deposit, .deposit, .bet, .bet, .bonus, .withdrawal]
        facts = TransactionFacts(
            type: types.randomElement(using: &random) ?? .bet, amount: Self.positive(using: &random),
            isCommissionEligible: Int.random(in: 0..<8, using: &random) > 0, isFirstQualifyingDeposit: Bool.random(using: &random)
        )
        let count = Int.random(in: 0...12, using: &random)
        ancestors = upline(count)
        let isEveryoneInactive = Int.random(in: 0..<10, using: &random) == 0
        inactive = (0..<count).map { Int16($0 + 1) }.filter { _ in
            Int.random(in: 0..<4, using: &random) == 0 || isEveryoneInactive
        }
        var earned: [AffiliateID: Money] = [:]
        for id in ancestors where Bool.random(using: &random) {
            let amount = Self.amount(using: &random)
            earned[id] = Int.random(in: 0..<4, using: &random) == 0 ? -amount : amount
        }
        self.earned = earned
    }

    static func amount(using random: inout SplitMix64) -> Money {
        Int.random(in: 0..<8, using: &random) == 0 ? .zero : positive(using: &random)
    }

    /// From 0.01 to the largest, as many small ones as large ones.
    static func positive(using random: inout SplitMix64) -> Money {
        if Int.random(in: 0..<50, using: &random) == 0 { return .max }
        let bits = Int64.random(in: 1...49, using: &random)
        return Money(minorUnits: Int64.random(in: 1...(1 << bits), using: &random))
    }

    /// Up to 8 levels that give away 100% at most.
    static func rates(using random: inout SplitMix64) -> [Rate] {
        var left = 10_000
        return (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
            let rate = Int.random(in: 0..<6, using: &random) == 0 ? 0 : Int.random(in: 0...min(left, 3_000), using: &random)
            left -= rate
            return Rate(tenThousandths: rate)
        }
    }
}
