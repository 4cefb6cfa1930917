/// A text is not an amount or a rate, or an amount is outside what can be stored.
package struct MoneyError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// There is no text.
        case empty
        /// The text is not digits, or digits, a point and digits.
        case notDecimal = "not_decimal"
        /// More decimals than the currency or the rate has.
        case tooManyDecimals = "too_many_decimals"
        /// Beyond the largest amount or rate.
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

extension MoneyError {
    static func amount(_ fault: DecimalText.Fault) -> MoneyError {
        switch fault {
        case .empty: MoneyError(.empty, "there is no amount; write one as in 123.45")
        case .notDecimal: MoneyError(.notDecimal, "this is not an amount; write digits and at most 2 decimals, as in 123.45")
        case .tooManyDecimals: MoneyError(.tooManyDecimals, "an amount has at most 2 decimals, as in 123.45")
        case .tooLarge: MoneyError(.tooLarge, "an amount is at most \(Money.max)")
        }
    }

    static func rate(_ fault: DecimalText.Fault) -> MoneyError {
        switch fault {
        case .empty: MoneyError(.empty, "there is no rate; write one as in 5%, 0.5% or 0.05")
        case .notDecimal: MoneyError(.notDecimal, "this is not a rate; write one as in 5%, 0.5% or 0.05")
        case .tooManyDecimals:
            MoneyError(.tooManyDecimals, "a rate has at most 4 decimals, or 2 before a percent sign, as in 0.0525 or 5.25%")
        case .tooLarge: MoneyError(.tooLarge, "a rate is at most 100%, which is 1 without the percent sign")
        }
    }
}
