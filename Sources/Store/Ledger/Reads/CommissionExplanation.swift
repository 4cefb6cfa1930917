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
    /// Whether they do so only because the cap of a month is taken to have left what was paid: what it had left then is not kept.
    package var isMonthCapDecisive = false

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
        var stored = Dictionary(grouping: commissions.filter { $0.id.ordinal > 0 }, by: Place.init)
        var percentages: [AffiliateID: Money] = [:]
        for (place, entries) in stored where place.rule == "\(CommissionRule.percentage.name)" {
            let entries = entries.sorted { Self.isLive($0) && !Self.isLive($1) }
            if let first = entries.first { percentages[AffiliateID(first.beneficiary)] = try Money.parse(first.amount) }
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
            let (commission, isEqual) = Self.take(payment, plan, from: &stored)
            if !isEqual { isMatching = false }
            levels?.append(Level(entry: entry, stored: commission))
        }
        if stored.values.joined().contains(where: Self.isLive) { isMatching = false }
        guard isMatching, plan.caps.beneficiaryPerMonth != nil else { return }
        let uncapped = plan.trace(
            of: facts, ancestors: upline.span, inactive: transaction.inactiveDistances.span, earnedThisMonth: { _ in .zero })
        isMonthCapDecisive = uncapped.payments != trace.payments
    }

    /// What a rule may pay once. Not the ordinal: `reconcile --fix` puts the right entry beside a wrong one that it cancels.
    private struct Place: Hashable {
        var levelDistance: Int64
        var rule: String

        init(_ commission: StoredCommission) {
            levelDistance = commission.levelDistance
            rule = commission.rule
        }

        init(_ payment: Payment) {
            levelDistance = Int64(payment.levelDistance)
            rule = "\(payment.rule.name)"
        }
    }

    private static func isLive(_ commission: StoredCommission) -> Bool { commission.status != .cancelled }

    /// Takes the entry of a payment out: of several one that counts, and of those one that is as it should be.
    private static func take(
        _ payment: Payment, _ plan: CommissionPlan, from stored: inout [Place: [StoredCommission]]
    ) -> (StoredCommission?, isEqual: Bool) {
        let place = Place(payment)
        let entries = stored[place] ?? []
        let live = entries.indices.filter { isLive(entries[$0]) }
        let candidates = live.isEmpty ? Array(entries.indices) : live
        let equal = candidates.first { isEqual(payment, entries[$0], plan) }
        guard let chosen = equal ?? candidates.first else { return (nil, false) }
        return (stored[place]?.remove(at: chosen), equal != nil)
    }

    private static func isEqual(_ payment: Payment, _ stored: StoredCommission, _ plan: CommissionPlan) -> Bool {
        let rate = ByteBuilder()
        rate.append(payment.rate)
        return stored.beneficiary == payment.beneficiary.rawValue && stored.amount == payment.amount.description
            && stored.base == payment.base.description && stored.rule == "\(payment.rule.name)"
            && stored.rate == String(decoding: rate.bytes, as: UTF8.self) && stored.planVersion == plan.version
            && stored.levelDistance == payment.levelDistance
    }
}
