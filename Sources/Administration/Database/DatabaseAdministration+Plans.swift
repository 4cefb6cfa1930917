import Core
import Placement
import PostgresClient
import Store

extension DatabaseAdministration {
    package func plan(_ request: PlanRequest) throws -> RebalanceDocument {
        let drained = Set(try request.drain.map { try name(of: $0) })
        if let other = try RebalancePlans.underWay(on: connection) {
            throw AdministrationFault(
                .refused,
                "plan \(other.number) is \(other.state.rawValue); `fature rebalance status \(other.number)` tells how far it is")
        }
        let question = RebalanceQuestion(weight: request.weight, limits: request.limits, drained: drained)
        let planning: RebalancePlanning
        do { planning = try RebalancePlanning(question, on: connection) } catch let refusal as RebalanceRefusal {
            throw Self.explaining(refusal)
        }
        var document = RebalanceDocument(planning)
        if !request.isDryRun {
            document.plan = try planning.store(document: DocumentJSON.text(of: document), origin: origin, on: connection)
        }
        return document
    }

    package func plans(limit: Int) throws -> PlanListDocument {
        PlanListDocument(plans: try RebalancePlans.newest(limit, on: connection).map(PlanListDocument.Entry.init))
    }

    package func plan(number: Int64) throws -> RebalanceDocument {
        guard let plan = try RebalancePlans.find(number, on: connection) else { throw Self.noSuchPlan(number) }
        return try document(of: plan)
    }

    package func currentPlan() throws -> RebalanceDocument {
        if let plan = try RebalancePlans.underWay(on: connection) { return try document(of: plan) }
        guard let newest = try RebalancePlans.newest(1, on: connection).first else {
            throw AdministrationFault(.unknownPlan, "there is no plan; `fature rebalance plan` makes one")
        }
        return try plan(number: newest.number)
    }

    package func apply(_ number: Int64, _ throttles: RebalanceThrottles) throws -> RebalanceDocument {
        switch try RebalancePlans.apply(number, throttles: throttles, origin: origin, on: connection) {
        case .applying: return try changedPlan(number)
        case .nothingToMove: return try plan(number: number)
        case .noSuchPlan: throw Self.noSuchPlan(number)
        case .notPlanned(let state):
            switch state {
            case .applying, .paused, .done, .partial:
                var document = try plan(number: number)
                document.remark = "plan \(number) is \(state.rawValue) already, and was left as it is"
                return document
            case .planned, .refused, .aborted:
                throw AdministrationFault(
                    .refused,
                    "plan \(number) was \(state.rawValue) and cannot be applied any more; `fature rebalance plan` makes another")
            }
        case .otherActive(let other):
            let name = other.map { "plan \($0)" } ?? "another plan"
            throw AdministrationFault(
                .refused, "\(name) is under way, and one at a time may be; see `fature rebalance status`, or abort it")
        case .refused(let changed, let lost):
            throw AdministrationFault(
                .refused, Self.refusal(of: number, changed: changed, lost: lost), plan: try plan(number: number))
        }
    }

    package func steer(_ number: Int64, _ action: RebalanceAction, reason: String?) throws -> RebalanceDocument {
        try OperatorReason.check(reason)
        switch try RebalancePlans.steer(number, action, reason: reason, origin: origin, on: connection) {
        case .done: return try changedPlan(number)
        case .noSuchPlan: throw Self.noSuchPlan(number)
        case .wrongState(let state):
            throw AdministrationFault(.refused, "plan \(number) is \(state.rawValue): \(action.needs)")
        }
    }

    /// A plan after a change that is made, whether the plan can be read or not.
    private func changedPlan(_ number: Int64) throws(AdministrationFault) -> RebalanceDocument {
        do { return try plan(number: number) } catch {
            throw AdministrationFault(
                .outcomeUnknown,
                "plan \(number) was changed as asked for, but could not be read afterwards; `fature rebalance status \(number)` shows it",
                cause: error)
        }
    }

    /// The plan as JSON has it, with how far its moves are.
    private func document(of plan: StoredRebalancePlan) throws -> RebalanceDocument {
        var document = try RebalanceDocument(stored: plan)
        document.take(try RebalancePlans.moves(of: plan.number, on: connection))
        return document
    }

    private static func noSuchPlan(_ number: Int64) -> AdministrationFault {
        AdministrationFault(.unknownPlan, "there is no plan \(number); `fature rebalance ls` shows those that are kept")
    }

    private static func refusal(of number: Int64, changed: [ShardID], lost: [WorkerInstanceID]) -> String {
        var reasons: [String] = []
        if !changed.isEmpty {
            let numbers = changed.map { String($0.rawValue) }.joined(separator: ", ")
            reasons.append("shards that have another owner or epoch by now: \(numbers)")
        }
        if !lost.isEmpty {
            let numbers = lost.map { String($0.rawValue) }.joined(separator: ", ")
            reasons.append("targets that are gone or not open any more: instances \(numbers)")
        }
        return "plan \(number) is refused, and nothing was done; \(reasons.joined(separator: "; ")). "
            + "`fature rebalance plan` plans for the cluster as it is"
    }

    private static func explaining(_ refusal: RebalanceRefusal) -> AdministrationFault {
        switch refusal {
        case .nowhereToGo:
            AdministrationFault(
                .refused, "no worker is open: all are cordoned or draining, or none lives; see `fature worker ls`")
        case .unplaced(let shards):
            AdministrationFault(
                .refused,
                "\(shards.count) shards have no living owner; the coordinator gives them out within seconds: "
                    + "plan again when `fature status` shows none")
        }
    }
}

extension RebalanceAction {
    fileprivate var needs: String {
        switch self {
        case .pause: "only one that is being applied can be paused"
        case .resume: "only a paused one can go on"
        case .abort: "only one that is planned, being applied or paused can be aborted"
        }
    }
}
