import Core

extension CommissionPlan {
    /// Appends what a transaction pays, nearest ancestor first, percentage before CPA. The same facts give the same payments.
    ///
    /// - Parameters:
    ///   - ancestors: the upline when the transaction was accepted, the sponsor first. Those beyond `ancestorsMax` earn nothing.
    ///   - inactive: the level distances of those who were not active then, ascending.
    ///   - earnedThisMonth: what a beneficiary has earned from percentages in the calendar month (UTC) of the transaction's date, payments of
    ///     the same batch included. Asked only if the plan caps months, so others may give `{ _ in .zero }`.
    ///   - payments: nothing is allocated while its capacity lasts.
    package func payments(
        for facts: TransactionFacts, ancestors: Span<AffiliateID>, inactive: Span<Int16>, earnedThisMonth: (AffiliateID) -> Money,
        into payments: inout [Payment]
    ) {
        walk(facts, ancestors: ancestors, inactive: inactive, earnedThisMonth: earnedThisMonth, into: &payments)
    }

    /// What a transaction pays and why: an entry for every ancestor and rule. Takes what `payments` takes, and pays the same.
    package func trace(
        of facts: TransactionFacts, ancestors: Span<AffiliateID>, inactive: Span<Int16>, earnedThisMonth: (AffiliateID) -> Money
    ) -> CommissionTrace {
        var entries = TraceEntries()
        walk(facts, ancestors: ancestors, inactive: inactive, earnedThisMonth: earnedThisMonth, into: &entries)
        return CommissionTrace(planName: name, planVersion: version, entries: entries.entries)
    }
}

extension [Payment]: EvaluationSink {
    static var isTracing: Bool { false }

    mutating func pay(_ payment: Payment, amountBeforeCap: Money) { append(payment) }

    mutating func skip(
        _ level: LevelUnderEvaluation, rule: CommissionRule, rate: Rate, amountBeforeCap: Money, _ reason: UnpaidReason
    ) {}
}

private struct TraceEntries: EvaluationSink {
    var entries: [TraceEntry] = []

    static var isTracing: Bool { true }

    mutating func pay(_ payment: Payment, amountBeforeCap: Money) {
        entries.append(
            TraceEntry(
                beneficiary: payment.beneficiary, levelDistance: payment.levelDistance, planLevel: payment.planLevel,
                rule: payment.rule,
                rate: payment.rate, base: payment.base, amountBeforeCap: amountBeforeCap, outcome: .paid(payment)))
    }

    mutating func skip(
        _ level: LevelUnderEvaluation, rule: CommissionRule, rate: Rate, amountBeforeCap: Money, _ reason: UnpaidReason
    ) {
        entries.append(
            TraceEntry(
                beneficiary: level.beneficiary, levelDistance: level.levelDistance, planLevel: level.planLevel, rule: rule,
                rate: rate,
                base: level.base, amountBeforeCap: amountBeforeCap, outcome: .unpaid(reason)))
    }
}
