import Commission
import Core
import Store

/// The ledger's answers as JSON. Amounts and rates are decimal strings.
extension ByteBuilder {
    func append(_ transaction: StoredTransaction) {
        append(UInt8(ascii: "{"))
        append("transaction_id", transaction.id)
        append("external_transaction_id", text: transaction.externalID)
        append("affiliate_id", transaction.affiliate)
        append("type", word: transaction.type.name)
        append("amount", text: transaction.amount)
        append("winnings", text: transaction.winnings)
        append("currency", text: transaction.currency)
        append("date", moment: transaction.date)
        append("commission_eligible", flag: transaction.isEligible)
        appendName("metadata")
        append(transaction.metadata ?? "null")
        append("accepted_at", moment: transaction.acceptedAt)
        appendName("upline")
        appendList(transaction.upline ?? []) { appendDecimal($0) }
        appendState(transaction)
        append(UInt8(ascii: "}"))
    }

    private func appendState(_ transaction: StoredTransaction) {
        append("status", text: transaction.state.rawValue)
        appendName("reversal")
        if let reversal = transaction.reversal {
            append(UInt8(ascii: "{"))
            append("reason", text: reversal.reason)
            append("actor", text: reversal.actor)
            append("reversed_at", moment: reversal.reversedAt)
            append("was_paid", flag: reversal.wasPaid)
            append(UInt8(ascii: "}"))
        } else {
            append("null" as StaticString)
        }
        appendName("dead_letter")
        if let letter = transaction.deadLetter {
            append(UInt8(ascii: "{"))
            append("cause", text: letter.cause)
            append("error", text: letter.error)
            append("dead_at", moment: letter.deadAt)
            append(UInt8(ascii: "}"))
        } else {
            append("null" as StaticString)
        }
    }

    func append(_ reversal: TransactionReversal) {
        append(UInt8(ascii: "{"))
        append("transaction_id", reversal.transaction)
        append("status", word: "reversed")
        append("reason", text: reversal.reason)
        append("reversed_at", moment: reversal.reversedAt)
        append("was_paid", flag: reversal.wasPaid)
        append("entries", reversal.entriesCount)
        append("amount", text: reversal.amount)
        append(UInt8(ascii: "}"))
    }

    // MARK: Commissions

    func append(_ commission: StoredCommission) {
        append(UInt8(ascii: "{"))
        append("commission_id", text: commission.id.description)
        append("transaction_id", commission.id.transaction)
        append("beneficiary_id", commission.beneficiary)
        append("source_id", commission.source)
        append("level_distance", commission.levelDistance)
        append("rule", text: commission.rule)
        append("base_amount", text: commission.base)
        append("rate", text: commission.rate)
        append("amount", text: commission.amount)
        append("currency", text: commission.currency)
        append("status", word: commission.status.name)
        append("plan_version", commission.planVersion)
        append("batch_id", optional: commission.batch)
        append("created_at", moment: commission.createdAt)
        append(UInt8(ascii: "}"))
    }

    func append(_ page: CommissionPages.Page, of listing: CommissionListing) {
        append("{\"commissions\":" as StaticString)
        appendList(page.commissions) { append($0) }
        append(",\"totals\":{" as StaticString)
        append("count", page.totals.count)
        append("amount", text: page.totals.amount)
        append(UInt8(ascii: "}"))
        let next = page.next.map {
            listing.text(
                of: CommissionCursor(createdAt: $0.createdAt, id: $0.id, count: $0.totals.count, amount: $0.totals.amount))
        }
        append("next_cursor", text: next)
        append(UInt8(ascii: "}"))
    }

    func append(_ explanation: CommissionExplanation) {
        append(UInt8(ascii: "{"))
        append("transaction_id", explanation.transaction.id)
        appendState(explanation.transaction)
        appendName("commissions")
        appendList(explanation.commissions) { append($0) }
        if let levels = explanation.levels {
            appendName("plan")
            if let plan = explanation.plan {
                append(UInt8(ascii: "{"))
                append("name", text: plan.name)
                append("version", plan.version)
                append(UInt8(ascii: "}"))
            } else {
                append("null" as StaticString)
            }
            appendName("levels")
            appendList(levels) { append($0, planVersion: explanation.plan?.version) }
            append(
                "matches_ledger", flag: explanation.isMatching && explanation.isMonthCapDecisive ? nil : explanation.isMatching)
        }
        append(UInt8(ascii: "}"))
    }

    private func append(_ level: CommissionExplanation.Level, planVersion: Int?) {
        append(UInt8(ascii: "{"))
        append("beneficiary_id", level.entry.beneficiary.rawValue)
        append("level_distance", level.entry.levelDistance)
        append("plan_level", level.entry.planLevel)
        append("rule", word: level.entry.rule.name)
        append("plan_version", optional: planVersion.map { Int64($0) })
        appendName("rate")
        append(UInt8(ascii: "\""))
        append(level.entry.rate)
        append(UInt8(ascii: "\""))
        append("base_amount", text: level.entry.base.description)
        append("amount_before_caps", text: level.entry.amountBeforeCap.description)
        append("amount", text: level.entry.amount.description)
        if case .unpaid(let reason) = level.entry.outcome {
            append("paid", flag: false)
            append("reason", word: reason.name)
        } else {
            append("paid", flag: true)
            append("reason", word: nil)
        }
        append("commission_id", text: level.stored?.id.description)
        append("status", word: level.stored?.status.name)
        append(UInt8(ascii: "}"))
    }

    // MARK: Totals

    func append(_ totals: AffiliateTotals) {
        append(UInt8(ascii: "{"))
        append("affiliate_id", totals.affiliate)
        append("transactions_count", totals.transactionsCount)
        append("commissions_count", totals.commissionsCount)
        for (name, amount) in totals.amounts { append(name, text: amount) }
        append(UInt8(ascii: "}"))
    }

    func append(_ metric: TotalsMetric, _ lines: some Collection<LedgerRanking.Line>) {
        append(UInt8(ascii: "{"))
        append("metric", word: metric.name)
        appendName("rankings")
        appendList(Array(lines.enumerated())) { at, line in
            append(UInt8(ascii: "{"))
            append("rank", at + 1)
            append("affiliate_id", line.affiliate)
            append("value", text: line.value)
            append(UInt8(ascii: "}"))
        }
        append(UInt8(ascii: "}"))
    }
}
