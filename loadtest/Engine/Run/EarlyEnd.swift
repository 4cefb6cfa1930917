import LoadPlan
import LoadRecord

/// Objectives that cannot be met any more, however the rest of the run goes.
enum EarlyEnd {
    /// Why the run may end now; nil: all may still hold.
    static func reason(_ record: RunRecord, _ objectives: [Objective]) -> String? {
        for objective in objectives {
            guard let reached = floor(objective, record), !canHold(objective, reached) else { continue }
            return "objective '\(objective.text)' cannot be met any more"
        }
        return nil
    }

    /// What the metric will at least be at the end; nil: nothing is sure before it.
    private static func floor(_ objective: Objective, _ record: RunRecord) -> Double? {
        let operations = record.operations.filter { objective.operation == nil || $0.name == objective.operation }
        switch objective.metric {
        case .errors: return Double(operations.reduce(0) { $0 + $1.outcomes.errors + $1.overflow })
        case .overflow: return Double(operations.reduce(0) { $0 + $1.overflow })
        case .gap: return record.longestGap.map { $0.seconds * 1e6 }
        case .percentile, .max, .mean, .errorRate, .rate, .lost, .doubled, .wrong, .wrongAnswers: return nil
        }
    }

    private static func canHold(_ objective: Objective, _ floor: Double) -> Bool {
        switch objective.comparison {
        case .less: floor < objective.bound
        case .lessOrEqual, .equal: floor <= objective.bound
        case .greater, .greaterOrEqual: true
        }
    }
}
