import PostgresClient
import Store

/// Carries out the plan that is applied: orders its hand-offs as its throttles allow, and takes down how they end.
///
/// Blocks: to be called on a pool's thread. It remembers nothing: another leader goes on where this one was.
struct RebalanceCarrier: Sendable {
    let term: Int64
    let timeoutMilliseconds: Int

    struct Progress {
        var isUnderWay: Bool
        /// What hand-offs were like before the last step.
        var mark: RebalanceExecution.Mark?
        var news: [String] = []
    }

    /// Steps in one go; the rest is for the next.
    private static let stepsMax = 300

    /// - Parameters:
    ///   - mark: if hand-offs are still as they were then, nothing is done.
    ///   - abortsOverdue: whether to look for hand-offs whose time is over.
    func carry(
        _ connection: PostgresConnection, since mark: RebalanceExecution.Mark?, abortsOverdue: Bool
    ) throws -> Progress {
        var progress = Progress(isUnderWay: true)
        progress.mark = try RebalanceExecution.Mark.read(on: connection, timeoutMilliseconds: timeoutMilliseconds)
        if let mark, mark == progress.mark { return progress }
        if abortsOverdue {
            let aborted = try RebalanceExecution.abortOverdue(
                term: term, on: connection, timeoutMilliseconds: timeoutMilliseconds)
            if let aborted, !aborted.isEmpty { progress.news.append("hand-offs \(aborted) took too long, and were aborted") }
        }
        let p99 = try GatewayLeases.worstP99Microseconds(on: connection, timeoutMilliseconds: timeoutMilliseconds)
        for _ in 0..<Self.stepsMax {
            // Before the step: what changes while it is taken shows at the next look.
            progress.mark = try RebalanceExecution.Mark.read(on: connection, timeoutMilliseconds: timeoutMilliseconds)
            switch try RebalanceExecution.advance(
                term: term, p99Microseconds: p99, on: connection, timeoutMilliseconds: timeoutMilliseconds)
            {
            case .ordered: continue
            case .progressed(let plan): try tell(plan, connection, &progress.news)
            case .waiting: return progress
            case .idle, .termLost:
                progress.isUnderWay = false
                return progress
            }
        }
        return progress
    }

    private func tell(_ number: Int64, _ connection: PostgresConnection, _ news: inout [String]) throws {
        guard let plan = try RebalancePlans.find(number, on: connection), !plan.state.isUnderWay else { return }
        let done = plan.moves[.done] ?? 0
        news.append("plan \(number) is \(plan.state.rawValue): \(done) of \(plan.movesTotal) moves done")
    }
}
