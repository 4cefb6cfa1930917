import Commission
import Core
import Store

/// A plan for people and as JSON.
enum PlanText {
    struct Document: Encodable {
        let version: Int
        let name: String
        let holdsFrom: String
        /// Nil: until another one does.
        let holdsUntil: String?
        let appliedAt: String
        let appliedBy: String
        let definition: JSONDocument

        init(_ stored: StoredPlan, until: Int64?) throws {
            version = stored.plan.version
            name = stored.plan.name
            holdsFrom = MomentText.of(microseconds: stored.plan.effectiveFrom)
            holdsUntil = until.map { MomentText.of(microseconds: $0) }
            appliedAt = MomentText.of(microseconds: stored.appliedAtMicroseconds)
            appliedBy = stored.appliedBy
            definition = try JSONDocument(stored.plan.canonicalJSON)
        }
    }

    /// A plan in a line: `deposit 5% 3% 2%, CPA 50.00, capped`.
    static func rules(_ plan: CommissionPlan) -> String {
        var rules = TransactionType.allCases.filter { !plan.percentage[$0].isEmpty }.map { type in
            "\(type.name) \(plan.percentage[type].map(\.description).joined(separator: " "))"
        }
        if let cpa = plan.cpa { rules.append("CPA \(cpa.amounts.map(\.description).joined(separator: " "))") }
        if let revShare = plan.revShare { rules.append("RevShare \(revShare.rates.map(\.description).joined(separator: " "))") }
        if plan.caps != CommissionCaps() { rules.append("capped") }
        if plan.isCompressing { rules.append("compressing") }
        return rules.isEmpty ? "pays nothing" : rules.joined(separator: ", ")
    }
}
