import Commission

/// A version of the plan as the database has it.
package struct StoredPlan: Sendable, Equatable {
    package let plan: CommissionPlan
    /// Microseconds since 1970 UTC.
    package let appliedAtMicroseconds: Int64
    package let appliedBy: String
}

/// Why a plan was not applied. `PlanError`s say what is wrong with the plan itself.
package struct PlanStoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// The plan is in another currency than the programme.
        case wrongCurrency = "wrong_currency"
        /// The plan names a version that is not the next one.
        case wrongVersion = "wrong_version"
        /// What stands in the database is no plan.
        case unreadable
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
