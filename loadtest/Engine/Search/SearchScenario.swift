import LoadPlan

extension Scenario {
    /// The same load at one even rate for so long: an attempt of a search. Without events, and without objectives on what is checked in PostgreSQL after a
    /// run: where that was looked at, it is judged all the same.
    package func atConstant(rate: Double, seconds: Double) -> Scenario {
        var one = self
        one.phases = [Phase(name: "\(Int(rate.rounded())) a second", seconds: seconds, shape: .constant(rate: rate))]
        one.events = []
        one.objectives.removeAll { [.lost, .doubled, .wrong, .wrongAnswers].contains($0.metric) }
        return one
    }
}
