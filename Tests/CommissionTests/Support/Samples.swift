import Commission
import Core
import Testing

func rates(_ texts: String...) throws -> [Rate] { try texts.map { try Rate.parse($0) } }

func money(_ text: String) throws -> Money { try Money.parse(text, allowingMinus: true) }

func plan(
    rounding: Rounding = .halfAwayFromZero, isCompressing: Bool = false, percentage: PercentageRule = PercentageRule(),
    cpa: CPARule? = nil, revShare: RevShareRule? = nil, caps: CommissionCaps = CommissionCaps()
) throws -> CommissionPlan {
    try CommissionPlan(
        name: "sample", version: 1, effectiveFrom: 0, rounding: rounding, isCompressing: isCompressing, percentage: percentage,
        cpa: cpa,
        revShare: revShare, caps: caps)
}

/// An upline of `count` affiliates, numbered from 101 at level distance 1.
func upline(_ count: Int) -> [AffiliateID] { (0..<count).map { AffiliateID(Int64(101 + $0)) } }

/// What a transaction pays, asked in both ways, which must agree.
func payments(
    _ plan: CommissionPlan, _ facts: TransactionFacts, ancestors: [AffiliateID], inactive: [Int16] = [],
    earned: (AffiliateID) -> Money = { _ in .zero }
) -> [Payment] {
    var payments: [Payment] = []
    plan.payments(for: facts, ancestors: ancestors.span, inactive: inactive.span, earnedThisMonth: earned, into: &payments)
    let trace = plan.trace(of: facts, ancestors: ancestors.span, inactive: inactive.span, earnedThisMonth: earned)
    #expect(trace.payments == payments, "\(facts)")
    #expect(trace.total.minorUnits == payments.reduce(0) { $0 + $1.amount.minorUnits })
    return payments
}

/// What each ancestor gets or why not, as in `101 5.00`, `102 inactive`, `101 cpa 50.00`.
func explained(
    _ plan: CommissionPlan, _ facts: TransactionFacts, ancestors: [AffiliateID], inactive: [Int16] = [],
    earned: (AffiliateID) -> Money = { _ in .zero }
) -> [String] {
    _ = payments(plan, facts, ancestors: ancestors, inactive: inactive, earned: earned)
    let trace = plan.trace(of: facts, ancestors: ancestors.span, inactive: inactive.span, earnedThisMonth: earned)
    return trace.entries.map { entry in
        let rule = entry.rule == .cpa ? " cpa" : ""
        switch entry.outcome {
        case .paid(let payment): return "\(entry.beneficiary)\(rule) \(payment.amount)"
        case .unpaid(let reason): return "\(entry.beneficiary)\(rule) \(reason.name)"
        }
    }
}

func deposit(_ amount: String, first: Bool = false, eligible: Bool = true) throws -> TransactionFacts {
    TransactionFacts(type: .deposit, amount: try money(amount), isCommissionEligible: eligible, isFirstQualifyingDeposit: first)
}
