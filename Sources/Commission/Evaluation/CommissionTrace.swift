import Core

/// Why a level was not paid.
package enum UnpaidReason: UInt8, CaseIterable, Sendable {
    /// The plan has no rates for this transaction type.
    case noRuleForType
    /// The transaction says that it pays no commissions.
    case notEligible
    /// The deposit is not the source's first that qualifies for a CPA.
    case notFirstQualifyingDeposit
    /// The plan has fewer levels.
    case beyondPlanDepth
    /// The ancestor was not active when the transaction was accepted; its share is lost.
    case inactive
    /// The ancestor was not active when the transaction was accepted; the next active one takes its level.
    case compressed
    /// Rate times base is less than half a minor unit, or the plan gives nothing at this level.
    case roundsToZero
    /// A cap has left nothing.
    case cappedToZero

    /// The word for it in JSON.
    package var name: StaticString {
        switch self {
        case .noRuleForType: "no_rule_for_type"
        case .notEligible: "not_eligible"
        case .notFirstQualifyingDeposit: "not_first_qualifying_deposit"
        case .beyondPlanDepth: "beyond_plan_depth"
        case .inactive: "inactive"
        case .compressed: "compressed"
        case .roundsToZero: "rounds_to_zero"
        case .cappedToZero: "capped_to_zero"
        }
    }
}

/// What one rule made of one ancestor.
package struct TraceEntry: Equatable, Sendable {
    package enum Outcome: Equatable, Sendable {
        case paid(Payment)
        case unpaid(UnpaidReason)
    }

    package var beneficiary: AffiliateID
    package var levelDistance: Int16
    /// The level of the plan that the ancestor has or would have taken.
    package var planLevel: Int16
    package var rule: CommissionRule
    /// The plan's rate at this level; 0% for a CPA and beyond the plan.
    package var rate: Rate
    package var base: Money
    /// What the rule gives before caps: for an inactive ancestor what is lost. 0.00 where the rule does not apply.
    package var amountBeforeCap: Money
    package var outcome: Outcome

    /// What is paid.
    package var amount: Money {
        switch outcome {
        case .paid(let payment): payment.amount
        case .unpaid: .zero
        }
    }
}

/// What a plan makes of a transaction: an entry for every ancestor and every rule that looks at it, nearest ancestor first, percentage
/// before CPA.
package struct CommissionTrace: Equatable, Sendable {
    package let planName: String
    package let planVersion: Int
    package let entries: [TraceEntry]

    /// The entries that are paid, in their order.
    package var payments: [Payment] {
        entries.compactMap { entry in
            switch entry.outcome {
            case .paid(let payment): payment
            case .unpaid: nil
            }
        }
    }

    /// What is paid in all.
    package var total: Money { entries.reduce(.zero) { $0 + $1.amount } }
}
