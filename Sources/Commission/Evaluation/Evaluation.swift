import Core

/// Where an evaluation puts what it finds. Only ever used specialised: the fast path and the trace are one piece of code.
protocol EvaluationSink {
    /// Whether levels that are not paid matter too. If not, the walk ends as soon as nothing more can be paid.
    static var isTracing: Bool { get }
    mutating func pay(_ payment: Payment, amountBeforeCap: Money)
    mutating func skip(
        _ level: LevelUnderEvaluation, rule: CommissionRule, rate: Rate, amountBeforeCap: Money, _ reason: UnpaidReason)
}

/// One ancestor, and what is the same for all rules.
struct LevelUnderEvaluation {
    let beneficiary: AffiliateID
    let levelDistance: Int16
    let planLevel: Int16
    let isActive: Bool
    let base: Money
}

/// What caps still allow of one transaction. Amounts that are paid are never more than what is left, so nothing here goes below zero.
private struct CapsOfOneTransaction {
    let perBeneficiary: Money
    var left: Money
    var leftForBeneficiary: Money

    init(_ caps: CommissionCaps) {
        let unlimited = Money(minorUnits: .max)
        perBeneficiary = caps.beneficiaryPerTransaction ?? unlimited
        left = caps.totalPerTransaction ?? unlimited
        leftForBeneficiary = perBeneficiary
    }

    mutating func beginBeneficiary() { leftForBeneficiary = perBeneficiary }

    /// What of a positive amount may be paid, taken from what is left.
    mutating func take(_ amount: Money) -> Money {
        let allowed = min(amount, left, leftForBeneficiary)
        left -= allowed
        leftForBeneficiary -= allowed
        return allowed
    }
}

extension CommissionPlan {
    /// How many ancestors are looked at: as many as the database allows to be above anyone.
    package static let ancestorsMax = PlanLimits.levelsMax

    /// Goes up the upline once. No allocation, no recursion, and nothing that can overflow whatever the facts are: a share of an amount is
    /// not farther from zero than the amount, caps only subtract what they have just been found to hold, and amounts are not added up here.
    @inline(__always)
    func walk(
        _ facts: TransactionFacts, ancestors: Span<AffiliateID>, inactive: Span<Int16>, earnedThisMonth: (AffiliateID) -> Money,
        into sink: inout some EvaluationSink
    ) {
        let rates = percentage[facts.type]
        let cpaAmounts = facts.type == .deposit ? cpa?.amounts ?? [] : []
        var deepest = Self.ancestorsMax
        if !type(of: sink).isTracing {
            guard facts.isCommissionEligible else { return }
            deepest = max(rates.count, facts.isFirstQualifyingDeposit ? cpaAmounts.count : 0)
        }
        var caps = CapsOfOneTransaction(self.caps)
        var levelsTaken = 0
        var nextInactive = 0
        for distance in 1...Self.ancestorsMax {
            guard distance <= ancestors.count, levelsTaken < deepest else { break }
            while nextInactive < inactive.count, inactive[nextInactive] < distance { nextInactive += 1 }
            let isActive = nextInactive == inactive.count || inactive[nextInactive] != distance
            let isTaking = isActive || !isCompressing
            if isTaking { levelsTaken += 1 }
            let level = LevelUnderEvaluation(
                beneficiary: ancestors[distance - 1], levelDistance: Int16(distance),
                planLevel: Int16(isTaking ? levelsTaken : levelsTaken + 1), isActive: isActive, base: facts.amount)
            caps.beginBeneficiary()
            evaluatePercentage(level, rates, facts, &caps, earnedThisMonth, into: &sink)
            if !cpaAmounts.isEmpty { evaluateCPA(level, cpaAmounts, facts, &caps, into: &sink) }
        }
    }

    @inline(__always)
    private func evaluatePercentage(
        _ level: LevelUnderEvaluation, _ rates: [Rate], _ facts: TransactionFacts, _ caps: inout CapsOfOneTransaction,
        _ earnedThisMonth: (AffiliateID) -> Money, into sink: inout some EvaluationSink
    ) {
        guard !rates.isEmpty else {
            return sink.skip(level, rule: .percentage, rate: .zero, amountBeforeCap: .zero, .noRuleForType)
        }
        guard level.planLevel <= rates.count else {
            return sink.skip(level, rule: .percentage, rate: .zero, amountBeforeCap: .zero, .beyondPlanDepth)
        }
        let rate = rates[Int(level.planLevel) - 1]
        guard facts.isCommissionEligible else {
            return sink.skip(level, rule: .percentage, rate: rate, amountBeforeCap: .zero, .notEligible)
        }
        let share = Money.share(of: facts.amount, rate: rate, rounding: rounding)
        guard level.isActive else { return skipInactive(level, .percentage, rate, share, into: &sink) }
        guard share > .zero else {
            return sink.skip(level, rule: .percentage, rate: rate, amountBeforeCap: .zero, .roundsToZero)
        }
        var allowed = share
        if let cap = self.caps.beneficiaryPerMonth {
            // A month with more taken back than earned leaves the cap as it is.
            let earned = min(max(earnedThisMonth(level.beneficiary), .zero), cap)
            allowed = min(allowed, cap - earned)
        }
        pay(level, .percentage, rate, share, caps.take(allowed), into: &sink)
    }

    @inline(__always)
    private func evaluateCPA(
        _ level: LevelUnderEvaluation, _ amounts: [Money], _ facts: TransactionFacts, _ caps: inout CapsOfOneTransaction,
        into sink: inout some EvaluationSink
    ) {
        guard level.planLevel <= amounts.count else {
            return sink.skip(level, rule: .cpa, rate: .zero, amountBeforeCap: .zero, .beyondPlanDepth)
        }
        guard facts.isCommissionEligible else {
            return sink.skip(level, rule: .cpa, rate: .zero, amountBeforeCap: .zero, .notEligible)
        }
        guard facts.isFirstQualifyingDeposit else {
            return sink.skip(level, rule: .cpa, rate: .zero, amountBeforeCap: .zero, .notFirstQualifyingDeposit)
        }
        let amount = amounts[Int(level.planLevel) - 1]
        guard level.isActive else { return skipInactive(level, .cpa, .zero, amount, into: &sink) }
        guard amount > .zero else { return sink.skip(level, rule: .cpa, rate: .zero, amountBeforeCap: .zero, .roundsToZero) }
        pay(level, .cpa, .zero, amount, caps.take(amount), into: &sink)
    }

    @inline(__always)
    private func skipInactive(
        _ level: LevelUnderEvaluation, _ rule: CommissionRule, _ rate: Rate, _ amount: Money, into sink: inout some EvaluationSink
    ) {
        sink.skip(
            level, rule: rule, rate: rate, amountBeforeCap: isCompressing ? .zero : amount,
            isCompressing ? .compressed : .inactive)
    }

    @inline(__always)
    private func pay(
        _ level: LevelUnderEvaluation, _ rule: CommissionRule, _ rate: Rate, _ amountBeforeCap: Money, _ amount: Money,
        into sink: inout some EvaluationSink
    ) {
        guard amount > .zero else {
            return sink.skip(level, rule: rule, rate: rate, amountBeforeCap: amountBeforeCap, .cappedToZero)
        }
        let payment = Payment(
            beneficiary: level.beneficiary, ordinal: rule.ordinalOffset + level.levelDistance, levelDistance: level.levelDistance,
            planLevel: level.planLevel, rule: rule, rate: rate, base: level.base, amount: amount)
        sink.pay(payment, amountBeforeCap: amountBeforeCap)
    }
}
