import Core

/// What makes a commission on a transaction. The raw value is stored.
package enum CommissionRule: UInt8, CaseIterable, Sendable {
    case percentage = 0
    case cpa = 1

    /// The word for it in SQL, JSON and plans.
    package var name: StaticString {
        switch self {
        case .percentage: "percentage"
        case .cpa: "cpa"
        }
    }

    /// The rule a word stands for, or nil if the word is neither.
    package init?(name: some StringProtocol) {
        switch name {
        case "percentage": self = .percentage
        case "cpa": self = .cpa
        default: return nil
        }
    }

    /// What is added to the level distance to make the ordinal. Level distances are at most 1,000, so ordinals never meet.
    var ordinalOffset: Int16 {
        switch self {
        case .percentage: 0
        case .cpa: 2_000
        }
    }
}

/// One commission that a transaction pays: plain data, 40 bytes.
package struct Payment: Equatable, Sendable {
    package var beneficiary: AffiliateID
    /// Which commission of its transaction this is, the same each time the transaction is evaluated: the level distance for a percentage,
    /// 2,000 + the level distance for a CPA. The reversal of commission n is number −n.
    package var ordinal: Int16
    /// How far above the source the beneficiary was, from 1.
    package var levelDistance: Int16
    /// Which level of the plan it was paid for; with compression less than `levelDistance` above inactive ancestors.
    package var planLevel: Int16
    package var rule: CommissionRule
    /// 0% for a CPA.
    package var rate: Rate
    /// What the rate was applied to; for a CPA the deposit.
    package var base: Money
    package var amount: Money

    package init(
        beneficiary: AffiliateID, ordinal: Int16, levelDistance: Int16, planLevel: Int16, rule: CommissionRule, rate: Rate,
        base: Money,
        amount: Money
    ) {
        self.beneficiary = beneficiary
        self.ordinal = ordinal
        self.levelDistance = levelDistance
        self.planLevel = planLevel
        self.rule = rule
        self.rate = rate
        self.base = base
        self.amount = amount
    }

    /// The entry that takes it back: the same with ordinal, base and amount negative. The reversal of a reversal is the original.
    package var reversal: Payment {
        var mirror = self
        mirror.ordinal = -ordinal
        mirror.base = -base
        mirror.amount = -amount
        return mirror
    }
}
