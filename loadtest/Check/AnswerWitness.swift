import LoadPlan
import LoadRecord

/// Keeps some answers to queries, spread evenly over a run, to be compared with PostgreSQL afterwards. On the sending thread.
package final class AnswerWitness: AnswerObserver, @unchecked Sendable {
    // @unchecked: the sending thread's until the run is over, then the caller's.
    package struct Sample: Sendable, Equatable {
        package var operation: Int
        package var number: Int
        package var body: [UInt8]
    }

    package private(set) var samples: [Sample] = []
    /// By operation: whether its answers can be compared.
    private let isComparable: [Bool]
    private let wanted: Int
    private let every: Int

    /// Larger answers are not kept.
    private static let bodyBytesMax = 1 << 20

    /// - Parameter planned: about how many requests the run has.
    package init(_ scenario: Scenario, planned: Int) {
        isComparable = scenario.operations.map {
            switch $0.operation {
            case .network, .upline, .affiliate: true
            case .rankings, .join, .move, .transactions, .path: false
            }
        }
        wanted = scenario.sampledAnswers
        every = max(1, planned / max(1, scenario.sampledAnswers))
    }

    package func wantsBody(operation: Int, number: Int) -> Bool {
        isComparable[operation] && number % every == 0 && samples.count < wanted
    }

    package func sent(operation: Int, number: Int) {}

    package func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer) {
        guard status == 200, wantsBody(operation: operation, number: number), body.count <= Self.bodyBytesMax else { return }
        samples.append(Sample(operation: operation, number: number, body: Array(body)))
    }
}

/// Several observers as one.
package final class AnswerObservers: AnswerObserver, @unchecked Sendable {
    // @unchecked: the sending thread's until the run is over, then the caller's.
    private let observers: [any AnswerObserver]

    package init(_ observers: [any AnswerObserver]) { self.observers = observers }

    package func wantsBody(operation: Int, number: Int) -> Bool {
        observers.contains { $0.wantsBody(operation: operation, number: number) }
    }

    package func sent(operation: Int, number: Int) {
        for observer in observers { observer.sent(operation: operation, number: number) }
    }

    package func answered(operation: Int, number: Int, outcome: Outcome, status: Int, body: UnsafeRawBufferPointer) {
        for observer in observers {
            observer.answered(operation: operation, number: number, outcome: outcome, status: status, body: body)
        }
    }
}
