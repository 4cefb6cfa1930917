import Commission
import Core
import PostgresClient

/// Why a transaction paid what it paid: every level with rate, rule and plan, computed anew from the stored transaction by the engine that pays,
/// and held against the stored entries.
package struct CommissionExplanation: Sendable {
    /// What one rule made of one ancestor.
    package struct Level: Sendable {
        package var entry: TraceEntry
        /// The entry of the ledger, where the level was paid.
        package var stored: StoredCommission?
    }

    package var transaction: StoredTransaction
    /// Those the transaction made, then their reversals.
    package var commissions: [StoredCommission]
    /// The plan that holds at the transaction's date; nil if none does, or if it is not asked for.
    package var plan: (name: String, version: Int)?
    /// Nil if they are not asked for. None while commissions have not been computed.
    package var levels: [Level]?
    /// Whether the levels give exactly the stored entries.
    package var isMatching = true

    /// - Parameter isExplaining: whether levels are wanted too.
    /// - Returns: nil if there is no such transaction.
    package static func find(
        _ id: Int64, isExplaining: Bool, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> CommissionExplanation? {
        // One picture: a payment in between would make entries of a transaction that is not processed.
        try connection.transaction(.snapshotReadOnly) {
            guard let transaction = try StoredTransaction.find(id, on: connection, timeoutMilliseconds: timeoutMilliseconds)
            else {
                return nil
            }
            let commissions = try StoredCommission.ofTransaction(id, on: connection, timeoutMilliseconds: timeoutMilliseconds)
            var explanation = CommissionExplanation(transaction: transaction, commissions: commissions)
            guard isExplaining else { return explanation }
            let book = try PlanStore.load(connection, timeoutMilliseconds: timeoutMilliseconds).book
            let award = try connection.execute(
                "SELECT 1 FROM fature_v2.cpa_award WHERE transaction_id = $1 AND affiliate_id = $2",
                [.int(id), .int(transaction.affiliate)], timeoutMilliseconds: timeoutMilliseconds)
            try explanation.explain(book, isFirstQualifyingDeposit: award.rowCount > 0)
            return explanation
        }
    }

    private mutating func explain(_ book: PlanBook, isFirstQualifyingDeposit: Bool) throws {
        levels = []
        guard let plan = book.plan(at: transaction.date) else {
            isMatching = commissions.isEmpty
            return
        }
        self.plan = (plan.name, plan.version)
        guard transaction.isProcessed, transaction.reversal?.wasPaid ?? true else {
            isMatching = commissions.isEmpty
            return
        }
        var stored: [Int16: StoredCommission] = [:]
        var percentages: [AffiliateID: Money] = [:]
        for commission in commissions where commission.id.ordinal > 0 {
            stored[commission.id.ordinal] = commission
            if commission.rule == "\(CommissionRule.percentage.name)" {
                percentages[AffiliateID(commission.beneficiary)] = try Money.parse(commission.amount)
            }
        }
        let facts = TransactionFacts(
            type: transaction.type, amount: try Money.parse(transaction.amount), winnings: try Money.parse(transaction.winnings),
            isCommissionEligible: transaction.isEligible, isFirstQualifyingDeposit: isFirstQualifyingDeposit)
        let upline = (transaction.upline ?? []).map { AffiliateID($0) }
        // How much of its month a beneficiary had used up when this was paid is not kept: what was paid tells how much was left.
        let cap = plan.caps.beneficiaryPerMonth ?? .zero
        let trace = plan.trace(
            of: facts, ancestors: upline.span, inactive: transaction.inactiveDistances.span,
            earnedThisMonth: { cap - min(cap, percentages[$0] ?? .zero) })
        for entry in trace.entries {
            guard case .paid(let payment) = entry.outcome else {
                levels?.append(Level(entry: entry))
                continue
            }
            let commission = stored.removeValue(forKey: payment.ordinal)
            if !Self.isEqual(payment, commission, plan) { isMatching = false }
            levels?.append(Level(entry: entry, stored: commission))
        }
        if !stored.isEmpty { isMatching = false }
    }

    private static func isEqual(_ payment: Payment, _ stored: StoredCommission?, _ plan: CommissionPlan) -> Bool {
        guard let stored else { return false }
        let rate = ByteBuilder()
        rate.append(payment.rate)
        return stored.beneficiary == payment.beneficiary.rawValue && stored.amount == payment.amount.description
            && stored.base == payment.base.description && stored.rule == "\(payment.rule.name)"
            && stored.rate == String(decoding: rate.bytes, as: UTF8.self) && stored.planVersion == plan.version
            && stored.levelDistance == payment.levelDistance
    }
}
