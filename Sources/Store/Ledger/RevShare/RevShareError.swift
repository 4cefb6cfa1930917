/// Why a period is not settled. Nothing was written.
package struct RevShareError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// No plan with RevShare of that cadence holds in the period.
        case noRevShare = "no_revshare"
        /// The period goes on.
        case notEnded = "not_ended"
        /// Transactions of the period wait for their commissions.
        case unprocessed
        /// A period before it is not settled.
        case earlierUnsettled = "earlier_unsettled"
        /// A period after it is.
        case laterSettled = "later_settled"
        /// More than an entry of the ledger can hold.
        case tooLarge = "too_large"
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
