/// An amount of money: an integer number of minor units, 1/100 of the currency. Which currency is said beside it.
///
/// Stored amounts are PostgreSQL's DECIMAL(15,2), up to `max`. The integer itself reaches 9,223 times as far, for sums and differences:
/// `+` and `-` trap beyond that, `adding` and `subtracting` throw. Nothing wraps around, and no floating point comes near.
package struct Money: Hashable, Comparable, Sendable {
    package let minorUnits: Int64

    package init(minorUnits: Int64) { self.minorUnits = minorUnits }

    package static let zero = Money(minorUnits: 0)
    /// The largest amount that DECIMAL(15,2) holds: 9,999,999,999,999.99.
    package static let max = Money(minorUnits: 999_999_999_999_999)
    /// The decimals of every amount.
    package static let decimals = 2

    package static func < (a: Self, b: Self) -> Bool { a.minorUnits < b.minorUnits }

    /// Whether DECIMAL(15,2) holds it.
    package var isStorable: Bool { minorUnits.magnitude <= Self.max.minorUnits.magnitude }

    /// Traps if the sum is outside 64 bits.
    package static func + (a: Self, b: Self) -> Money { Money(minorUnits: a.minorUnits + b.minorUnits) }
    /// Traps if the difference is outside 64 bits.
    package static func - (a: Self, b: Self) -> Money { Money(minorUnits: a.minorUnits - b.minorUnits) }
    package static func += (a: inout Self, b: Self) { a = a + b }
    package static func -= (a: inout Self, b: Self) { a = a - b }
    /// Traps for the one number of 64 bits that has no negative.
    package static prefix func - (a: Self) -> Money { Money(minorUnits: -a.minorUnits) }

    /// The sum, or `tooLarge` if it is outside 64 bits.
    package func adding(_ other: Money) throws(MoneyError) -> Money {
        let (sum, isOutside) = minorUnits.addingReportingOverflow(other.minorUnits)
        if isOutside { throw MoneyError(.tooLarge, "the sum of \(self) and \(other) is more than 64 bits hold") }
        return Money(minorUnits: sum)
    }

    /// The difference, or `tooLarge` if it is outside 64 bits.
    package func subtracting(_ other: Money) throws(MoneyError) -> Money {
        let (difference, isOutside) = minorUnits.subtractingReportingOverflow(other.minorUnits)
        if isOutside { throw MoneyError(.tooLarge, "\(self) less \(other) is more than 64 bits hold") }
        return Money(minorUnits: difference)
    }
}
