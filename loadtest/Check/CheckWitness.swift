import LoadPlan
import LoadRecord

/// Sees all of a run that is compared with PostgreSQL afterwards, wherever the run is: on the controller's host or an agent's.
package final class CheckWitness: Sendable {
    private let transactions: TransactionWitness
    private let answers: AnswerWitness

    /// Of a closed loop, whose end nobody knows.
    private static let plannedDefault = 100_000

    package init(_ scenario: Scenario) {
        transactions = TransactionWitness(scenario)
        answers = AnswerWitness(scenario, planned: Self.planned(scenario))
    }

    /// For the run, as its observer.
    package var observer: AnswerObservers { AnswerObservers([transactions, answers]) }

    /// Once the run is over.
    package var observations: CheckObservations { CheckObservations(book: transactions.book, samples: answers.samples) }

    /// About how many requests the run has, over all agents.
    private static func planned(_ scenario: Scenario) -> Int {
        scenario.plannedRequests.map { Int($0) } ?? plannedDefault
    }
}
