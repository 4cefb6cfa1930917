/// Why a transaction could not be paid: about the transaction, not about the server.
package struct LedgerError: Error, Equatable, CustomStringConvertible {
    /// The raw value is the cause that dead letters are grouped by.
    package enum Code: String, Sendable, CaseIterable {
        /// No plan holds at the transaction's date.
        case noPlan = "no_plan"
        /// The plan that holds is in another currency.
        case wrongCurrency = "wrong_currency"
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
