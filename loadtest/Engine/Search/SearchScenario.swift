import LoadPlan

extension Scenario {
    private static let searchErrors = "error_rate<1%"

    /// The same load at one even rate for so long: an attempt of a search. Without events, and without objectives on what is checked in PostgreSQL after a
    /// run: where that was looked at, it is judged all the same.
    ///
    /// Without an objective on errors one is added: who refuses everything does it quickly.
    package func atConstant(rate: Double, seconds: Double) -> Scenario {
        var one = self
        one.phases = [Phase(name: "\(Int(rate.rounded())) a second", seconds: seconds, shape: .constant(rate: rate))]
        one.events = []
        one.objectives.removeAll { $0.metric.isOfCheck }
        let speaksOfErrors = one.objectives.contains { $0.metric == .errors || $0.metric == .errorRate }
        if !speaksOfErrors, let few = try? Objective(Self.searchErrors) { one.objectives.append(few) }
        return one
    }
}
