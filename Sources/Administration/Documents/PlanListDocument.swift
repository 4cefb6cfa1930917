import Core
import Store

/// The kept plans, the newest first, as `fature rebalance ls --json` prints them.
package struct PlanListDocument: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        package let plan: Int64
        package let state: String
        package let moves: Int64
        package let movesDone: Int64
        package let weight: String
        package let drain: [String]
        package let plannedAt: String
        package let plannedBy: String
        package let stateReason: String?
    }

    package let plans: [Entry]
}

extension PlanListDocument.Entry {
    init(_ plan: ListedRebalancePlan) {
        self.init(
            plan: plan.number, state: plan.state.rawValue, moves: plan.movesTotal, movesDone: plan.movesDone,
            weight: plan.weight.rawValue, drain: plan.drained, plannedAt: MomentText.of(microseconds: plan.plannedAtMicroseconds),
            plannedBy: plan.actor, stateReason: plan.stateReason)
    }
}
