import Core
import Foundation
import Placement
import PostgresClient
import Store

/// What several commands do with plans of rebalances. Every error says what to do next.
enum RebalanceDesk {
    /// Between two looks at a plan that is waited for.
    private static let lookMilliseconds: UInt32 = 200

    /// Plans, and keeps the plan unless it is a dry run.
    /// - Throws: `refused` when no plan can be made now.
    static func plan(
        _ question: RebalanceQuestion, isDryRun: Bool, on connection: PostgresConnection
    ) throws -> RebalanceDocument {
        if let other = try RebalancePlans.underWay(on: connection) {
            throw CommandError(
                .refused,
                "plan \(other.number) is \(other.state.rawValue); `fature rebalance status \(other.number)` tells how far it is")
        }
        let planning: RebalancePlanning
        do { planning = try RebalancePlanning(question, on: connection) } catch let refusal as RebalanceRefusal {
            throw explaining(refusal)
        }
        var document = RebalanceDocument(planning)
        if !isDryRun {
            document.plan = try planning.store(document: JSONAnswer.text(document), origin: .commandLine, on: connection)
        }
        return document
    }

    /// Has a plan carried out. One that is already is left as it is.
    /// - Returns: the plan as it is then. One that was refused for good is returned as well.
    /// - Throws: `negative` when there is no such plan, `refused` when it cannot be applied now or any more.
    static func apply(
        _ number: Int64, _ throttles: RebalanceThrottles, on connection: PostgresConnection
    ) throws -> StoredRebalancePlan {
        switch try RebalancePlans.apply(number, throttles: throttles, origin: .commandLine, on: connection) {
        case .applying, .nothingToMove: break
        case .noSuchPlan: throw noSuchPlan(number)
        case .notPlanned(let state):
            switch state {
            case .applying, .paused, .done, .partial:
                Console.progress("plan \(number) is \(state.rawValue) already, and was left as it is")
            case .planned, .refused, .aborted:
                throw CommandError(
                    .refused,
                    "plan \(number) was \(state.rawValue) and cannot be applied any more; `fature rebalance plan` makes another")
            }
        case .otherActive(let other):
            let name = other.map { "plan \($0)" } ?? "another plan"
            throw CommandError(
                .refused, "\(name) is under way, and one at a time may be; see `fature rebalance status`, or abort it")
        case .refused(let changed, let lost):
            var reasons: [String] = []
            if !changed.isEmpty {
                let numbers = changed.map { String($0.rawValue) }.joined(separator: ", ")
                reasons.append("shards that have another owner or epoch by now: \(numbers)")
            }
            if !lost.isEmpty {
                let numbers = lost.map { String($0.rawValue) }.joined(separator: ", ")
                reasons.append("targets that are gone or not open any more: instances \(numbers)")
            }
            Console.progress(
                "fature: plan \(number) is refused, and nothing was done; \(reasons.joined(separator: "; ")). "
                    + "`fature rebalance plan` plans for the cluster as it is")
        }
        return try find(number, on: connection)
    }

    /// Waits until a plan is not under way any more, and says on standard error how far it is.
    static func wait(_ number: Int64, on connection: PostgresConnection) throws -> StoredRebalancePlan {
        var said = ""
        while true {
            let plan = try find(number, on: connection)
            guard plan.state.isUnderWay else { return plan }
            let line = RebalanceText.progress(plan)
            if line != said { Console.progress(line) }
            said = line
            usleep(Self.lookMilliseconds * 1_000)
        }
    }

    static func find(_ number: Int64, on connection: PostgresConnection) throws -> StoredRebalancePlan {
        guard let plan = try RebalancePlans.find(number, on: connection) else { throw noSuchPlan(number) }
        return plan
    }

    /// The plan of this number; without one that under way, or else the newest.
    /// - Throws: `negative` when there is none.
    static func find(_ number: Int64?, orNewestOn connection: PostgresConnection) throws -> StoredRebalancePlan {
        if let number { return try find(number, on: connection) }
        if let plan = try RebalancePlans.underWay(on: connection) { return plan }
        guard let plan = try RebalancePlans.newest(1, on: connection).first else {
            throw CommandError(.negative, "there is no plan; `fature rebalance plan` makes one")
        }
        return plan
    }

    /// The plan as JSON has it, with how far its moves are.
    static func document(of plan: StoredRebalancePlan, on connection: PostgresConnection) throws -> RebalanceDocument {
        var document = try RebalanceDocument(stored: plan)
        document.take(try RebalancePlans.moves(of: plan.number, on: connection))
        return document
    }

    static func noSuchPlan(_ number: Int64) -> CommandError {
        CommandError(.negative, "there is no plan \(number); `fature rebalance ls` shows those that are kept")
    }

    private static func explaining(_ refusal: RebalanceRefusal) -> CommandError {
        switch refusal {
        case .nowhereToGo:
            CommandError(
                .refused, "no worker is open: all are cordoned or draining, or none lives; see `fature worker ls`")
        case .unplaced(let shards):
            CommandError(
                .refused,
                "\(shards.count) shards have no living owner; the coordinator gives them out within seconds: "
                    + "plan again when `fature status` shows none")
        }
    }
}

extension StoredRebalancePlan {
    /// What commands that show a plan end with.
    var exitStatus: ExitStatus {
        switch state {
        case .planned: movesTotal == 0 ? .success : .movesPending
        case .applying, .paused: .movesPending
        case .done: .success
        case .partial, .aborted: .partial
        case .refused: .refused
        }
    }
}
