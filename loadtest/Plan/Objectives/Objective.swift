/// What must hold of a run, as `--slo` says it: `p99<10ms`, `network.p99.9<=20ms`, `errors==0`, `rate>=50000`, `lost==0`, `gap<5s`.
package struct Objective: Sendable, Codable, Equatable {
    package enum Metric: Sendable, Codable, Equatable {
        /// Of the response time. In parts of a hundred: 99.9.
        case percentile(Double)
        case max
        case mean
        /// Requests that did not end `ok`, overflow included.
        case errors
        /// The same, as a share of those planned.
        case errorRate
        /// `ok` answers a second, over the measured time.
        case rate
        /// Of the ledger check: transactions.
        case lost, doubled, wrong
        /// Sampled answers that differ from PostgreSQL's.
        case wrongAnswers
        /// The longest time without an `ok` answer.
        case gap
        case overflow

        /// Whether it is of what PostgreSQL is asked after a run, and not of the run itself.
        package var isOfCheck: Bool { [.lost, .doubled, .wrong, .wrongAnswers].contains(self) }
    }

    package enum Comparison: String, Sendable, Codable {
        case less = "<"
        case lessOrEqual = "<="
        case equal = "=="
        case greaterOrEqual = ">="
        case greater = ">"
    }

    /// As it was written.
    package var text: String
    /// Nil: all operations together.
    package var operation: String?
    package var metric: Metric
    package var comparison: Comparison
    /// Times in microseconds, rates in requests a second, shares from 0 to 1, else a count.
    package var bound: Double

    package init(text: String, operation: String?, metric: Metric, comparison: Comparison, bound: Double) {
        self.text = text
        self.operation = operation
        self.metric = metric
        self.comparison = comparison
        self.bound = bound
    }
}
