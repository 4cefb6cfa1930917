import LoadPlan

/// One objective, judged.
package struct ObjectiveResult: Sendable, Codable, Equatable {
    package enum State: String, Sendable, Codable {
        case held, missed
        /// What it speaks of was not looked at: as bad as missed.
        case unchecked
    }

    /// As it was written.
    package var objective: String
    package var state: State
    /// In the objective's unit; nil: there is none.
    package var observed: Double?
    /// What was seen, in words: `8.43 ms`, `2% never got an answer`.
    package var words: String

    package init(objective: String, state: State, observed: Double?, words: String) {
        self.objective = objective
        self.state = state
        self.observed = observed
        self.words = words
    }
}

/// What a run comes to.
package enum RunVerdict: String, Sendable, Codable {
    case held, missed
    /// The generator was the bottleneck: nothing it says of the cluster counts.
    case invalid

    package var exitStatus: Int {
        switch self {
        case .held: 0
        case .missed: 1
        case .invalid: 2
        }
    }
}

/// The objectives of a run's scenario, each with what was seen; and what need not be asked for, where it does not hold: money is as it should be, and what
/// events were to cause has happened.
package struct RunJudgement: Sendable {
    package let objectives: [ObjectiveResult]
    package let verdict: RunVerdict

    package init(_ record: RunRecord) {
        let total = record.total
        objectives =
            record.scenario.objectives.map { Self.judge($0, of: record, total: total) } + Self.impliedMisses(record)
        verdict = !record.invalid.isEmpty ? .invalid : objectives.contains { $0.state != .held } ? .missed : .held
    }

    private static func impliedMisses(_ record: RunRecord) -> [ObjectiveResult] {
        let asked = record.scenario.objectives.map(\.metric)
        var misses: [ObjectiveResult] = []
        func expectNone(_ metric: Objective.Metric, _ name: String, _ count: Int?) {
            guard let count, count > 0, !asked.contains(metric) else { return }
            misses.append(
                ObjectiveResult(objective: "\(name)==0", state: .missed, observed: Double(count), words: Quantity.count(count)))
        }
        expectNone(.lost, "lost", record.ledger?.lost)
        expectNone(.doubled, "doubled", record.ledger?.doubled)
        expectNone(.wrong, "wrong", record.ledger?.wrong)
        expectNone(.wrongAnswers, "wrong_answers", record.answers?.wrong)
        misses += record.events.compactMap { event in
            guard let status = event.exitStatus, status != 0 else { return nil }
            return ObjectiveResult(
                objective: "event '\(event.label)'", state: .missed, observed: Double(status),
                words: "its command failed with status \(status)")
        }
        if let reason = record.aborted {
            misses.append(
                ObjectiveResult(objective: "the whole run", state: .missed, observed: nil, words: "ended early: \(reason)"))
        } else {
            misses += eventsWithoutEnd(record)
        }
        return misses
    }

    /// Planned events that have not happened, or whose command's end nobody has seen: what they were to cause may be missing.
    private static func eventsWithoutEnd(_ record: RunRecord) -> [ObjectiveResult] {
        var seen = record.events
        return record.scenario.events.compactMap { planned in
            let words: String
            if let at = seen.firstIndex(where: { $0.label == planned.label }) {
                guard planned.command != nil, seen.remove(at: at).exitStatus == nil else { return nil }
                words = "nobody has seen its command end"
            } else {
                words = "it did not happen"
            }
            return ObjectiveResult(objective: "event '\(planned.label)'", state: .missed, observed: nil, words: words)
        }
    }

    package var missed: Int { objectives.count { $0.state != .held } }

    /// What was seen of an objective's metric.
    private enum Sight {
        case value(Double, words: String)
        /// Worse than any bound.
        case none(words: String)
        case unchecked(words: String)
    }

    private static func judge(_ objective: Objective, of record: RunRecord, total: OperationRecord) -> ObjectiveResult {
        switch see(objective, in: record, total: total) {
        case .value(let observed, let words):
            let isHeld =
                switch objective.comparison {
                case .less: observed < objective.bound
                case .lessOrEqual: observed <= objective.bound
                case .equal: observed == objective.bound
                case .greaterOrEqual: observed >= objective.bound
                case .greater: observed > objective.bound
                }
            return ObjectiveResult(objective: objective.text, state: isHeld ? .held : .missed, observed: observed, words: words)
        case .none(let words): return ObjectiveResult(objective: objective.text, state: .missed, observed: nil, words: words)
        case .unchecked(let words):
            return ObjectiveResult(objective: objective.text, state: .unchecked, observed: nil, words: words)
        }
    }

    private static func see(_ objective: Objective, in record: RunRecord, total: OperationRecord) -> Sight {
        guard let name = objective.operation else { return see(objective.metric, of: total, in: record, isWhole: true) }
        guard let operation = record.operations.first(where: { $0.name == name }) else {
            return .unchecked(words: "the scenario has no operation of this name")
        }
        return see(objective.metric, of: operation, in: record, isWhole: false)
    }

    private static func see(
        _ metric: Objective.Metric, of operation: OperationRecord, in record: RunRecord, isWhole: Bool
    ) -> Sight {
        func time(_ microseconds: Double) -> Sight { .value(microseconds, words: Quantity.time(microseconds: microseconds)) }
        func count(_ value: Int) -> Sight { .value(Double(value), words: Quantity.count(value)) }
        switch metric {
        case .percentile(let percent):
            guard !operation.response.isEmpty else { return .none(words: "no answer") }
            guard let microseconds = operation.percentileOfAll(percent) else { return .none(words: neverAnswered(operation)) }
            return time(Double(microseconds))
        case .max:
            guard !operation.response.isEmpty else { return .none(words: "no answer") }
            guard operation.withoutAnswer == 0 else { return .none(words: neverAnswered(operation)) }
            return time(Double(operation.response.max))
        case .mean:
            guard !operation.response.isEmpty else { return .none(words: "no answer") }
            guard operation.withoutAnswer == 0 else { return .none(words: neverAnswered(operation)) }
            return time(operation.response.mean)
        case .errors: return count(operation.errors)
        case .errorRate: return .value(operation.errorShare, words: Quantity.share(operation.errorShare))
        case .rate:
            // A refusal is quick, and no service.
            let ok = record.seconds > 0 ? Double(operation.outcomes[.ok]) / record.seconds : 0
            let rate = isWhole ? min(ok, record.answerRate) : ok
            return .value(rate, words: Quantity.rate(rate))
        case .overflow: return count(operation.overflow)
        case .gap: return time(record.longestGapMicroseconds)
        case .lost, .doubled, .wrong:
            guard let ledger = record.ledger else { return .unchecked(words: "the ledger was not checked") }
            if let reason = ledger.unchecked { return .unchecked(words: "the ledger was not checked: \(reason)") }
            return count(metric == .lost ? ledger.lost : metric == .doubled ? ledger.doubled : ledger.wrong)
        case .wrongAnswers:
            guard let answers = record.answers, answers.compared > 0 else { return .unchecked(words: "no answer was compared") }
            return .value(
                Double(answers.wrong), words: "\(Quantity.count(answers.wrong)) of \(Quantity.count(answers.compared))")
        }
    }

    private static func neverAnswered(_ operation: OperationRecord) -> String {
        let share = Double(operation.withoutAnswer) / Double(max(1, operation.requests))
        return "\(Quantity.share(share)) never got an answer"
    }
}
