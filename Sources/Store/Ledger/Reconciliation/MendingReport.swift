/// Something that `reconcile --fix` does. The words stand in its report.
package enum MendingStep: String, CaseIterable, Sendable {
    case cancel
    case insert
    case capUsage = "cap_usage"
    case totals
    case adopt
    case addJobs = "add_jobs"

    package var meaning: String {
        switch self {
        case .cancel: "pending entries that are wrong are cancelled"
        case .insert: "entries that the plans pay are added"
        case .capUsage: "commission_cap_usage becomes the sum of the entries"
        case .totals: "running totals become the sums of the entries and transactions"
        case .adopt: "rows of other programs are taken up"
        case .addJobs: "stuck transactions get a job, as the sweeper gives them"
        }
    }
}

/// What was done, or would be.
package struct MendingAction: Sendable, Equatable {
    package let step: MendingStep
    package var count: Int64
    /// The money it is about, as decimal text.
    package var amount: String
    package var examples: [String]

    package init(_ step: MendingStep, count: Int64 = 0, amount: String = "0.00", examples: [String] = []) {
        self.step = step
        self.count = count
        self.amount = amount
        self.examples = examples
    }
}

/// The ledger cannot be mended now.
package struct MendingError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// Somebody else is at it.
        case busy
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
