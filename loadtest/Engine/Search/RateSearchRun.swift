import LoadPlan
import LoadRecord

/// Searches the highest even rate at which a scenario's objectives hold and the run is valid: each attempt is a run of its own.
package struct RateSearchRun: Sendable {
    /// One run of the search.
    package struct Attempt: Sendable {
        package let rate: Double
        package let record: RunRecord
        package let verdict: RunVerdict
        package var isHeld: Bool { verdict == .held }
    }

    private var search: RateSearch
    private let scenario: Scenario
    private let seconds: Double

    /// - Parameter seconds: of each attempt's measured time.
    package init(_ scenario: Scenario, _ search: RateSearch, seconds: Double) {
        self.scenario = scenario
        self.search = search
        self.seconds = seconds
    }

    /// - Parameters:
    ///   - start: runs the scenario it is given, to the end.
    ///   - isStopped: asked after each attempt: whether the search is to end, and this attempt not to count.
    ///   - progress: each attempt as it ends. One whose verdict is `invalid` shows the generator's limit, not the target's.
    /// - Returns: the highest rate that held, requests a second; nil: none did.
    package mutating func run(
        _ start: (Scenario) throws(LoadSetUpError) -> RunRecord, isStopped: () -> Bool = { false }, progress: (Attempt) -> Void
    ) throws(LoadSetUpError) -> Double? {
        while case .attempt(let rate) = search.step {
            let record = try start(scenario.atConstant(rate: rate, seconds: seconds))
            if isStopped() { break }
            let attempt = Attempt(rate: rate, record: record, verdict: RunJudgement(record).verdict)
            progress(attempt)
            search.tell(held: attempt.isHeld)
        }
        return search.held
    }
}
