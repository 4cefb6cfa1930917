/// Whole clusters of the ownership machines, in virtual time, under a seed. What is checked: `docs/design/handoff.md`.
package enum Simulation {
    package struct Result: Sendable {
        package var scenario: Scenario
        /// What must not be; nil: all was well.
        package var failure: String?
        /// Events in virtual time.
        package var events: UInt64
        package var movesCommitted: Int
        package var movesAborted: Int
        package var answers: Int
        package var refusals: Int
        /// The last lines of the trace, if it was traced.
        package var trace: [String]
    }

    /// Runs one scenario; the same scenario gives the same result.
    package static func run(_ scenario: Scenario, isTraced: Bool = false) -> Result {
        let cluster = Cluster(scenario, isTraced: isTraced)
        cluster.run()
        return Result(
            scenario: scenario, failure: cluster.failure, events: cluster.timeline.happened,
            movesCommitted: cluster.checks.movesCommitted,
            movesAborted: cluster.database.tables.moves.count { if case .aborted = $0.stage { true } else { false } },
            answers: cluster.checks.answers, refusals: cluster.checks.refusals, trace: cluster.lastLines)
    }
}
