import Administration
import ArgumentParser
import Foundation
import Store

/// How commands wait for plans, and show what has become of them.
enum RebalanceOutcome {
    /// Between two looks at a plan that is waited for.
    private static let lookMilliseconds: UInt32 = 200

    /// Has a plan carried out, waits for its end if that was asked for, and shows it.
    static func apply(
        _ number: Int64, _ throttles: RebalanceThrottles, isWaiting: Bool, by port: some AdministrationPort,
        show: (RebalanceDocument) throws -> Void
    ) throws {
        var plan: RebalanceDocument
        do { plan = try port.apply(number, throttles) } catch let fault as AdministrationFault {
            guard let refused = fault.plan else { throw fault }
            Console.progress("fature: \(fault.message)")
            return try end(with: refused, show)
        }
        if let remark = plan.remark { Console.progress(remark) }
        if isWaiting { plan = try wait(for: plan, by: port) }
        try end(with: plan, show)
    }

    /// Shows a plan, and ends with its exit status.
    static func end(with plan: RebalanceDocument, _ show: (RebalanceDocument) throws -> Void) throws {
        try show(plan)
        if plan.exitStatus != .success { throw ExitCode(plan.exitStatus.rawValue) }
    }

    static func show(_ plan: RebalanceDocument, asJSON: Bool) throws {
        asJSON ? try JSONAnswer.print(plan) : Console.answer(RebalanceText.status(of: plan))
    }

    /// Waits until a plan is not under way any more, and says on standard error how far it is.
    static func wait(for first: RebalanceDocument, by port: some AdministrationPort) throws -> RebalanceDocument {
        var plan = first
        guard let number = plan.plan else { return plan }
        var said = ""
        while plan.knownState?.isUnderWay == true {
            let line = RebalanceText.progress(plan)
            if line != said { Console.progress(line) }
            said = line
            usleep(Self.lookMilliseconds * 1_000)
            plan = try port.plan(number: number)
        }
        return plan
    }
}

extension RebalanceDocument {
    /// Nil: a coordinator of a later version has a state that we do not know.
    var knownState: StoredRebalancePlan.State? { StoredRebalancePlan.State(rawValue: state) }

    /// What commands that show a plan end with.
    var exitStatus: ExitStatus {
        switch knownState {
        case .planned: moves.isEmpty ? .success : .movesPending
        case .applying, .paused: .movesPending
        case .done: .success
        case .partial, .aborted: .partial
        case .refused: .refused
        case nil: .processFailed
        }
    }
}
