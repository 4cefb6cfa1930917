/// What becomes of a part of a minor unit that is exactly one half. Anything else goes to the nearest minor unit.
package enum Rounding: UInt8, CaseIterable, Sendable {
    /// 0.145 is 0.15 and −0.145 is −0.15, as PostgreSQL's `round(numeric, 2)` has it.
    case halfAwayFromZero = 0
    /// 0.145 is 0.14 and 0.155 is 0.16: to the even neighbour, so that many halves do not add up to one side.
    case halfEven = 1

    /// The word for it in plans.
    package var name: StaticString {
        switch self {
        case .halfAwayFromZero: "half_away_from_zero"
        case .halfEven: "half_even"
        }
    }

    /// The rounding a word stands for, or nil if the word is neither.
    package init?(name: some StringProtocol) {
        switch name {
        case "half_away_from_zero": self = .halfAwayFromZero
        case "half_even": self = .halfEven
        default: return nil
        }
    }
}

extension Money {
    /// `rate` of `amount`, rounded once.
    ///
    /// The product is exact in 128 bits: DECIMAL(15,2) times a rate in 1/10,000 needs 64 bits and a little. A rate is at most 1, so the
    /// result is never farther from zero than `amount` and always fits.
    package static func share(of amount: Money, rate: Rate, rounding: Rounding) -> Money {
        let one = Int128(Rate.one)
        let (whole, rest) = (Int128(amount.minorUnits) * Int128(rate.tenThousandths)).quotientAndRemainder(dividingBy: one)
        let twice = rest.magnitude * 2
        let isAway: Bool
        if twice == one.magnitude {
            switch rounding {
            case .halfAwayFromZero: isAway = true
            case .halfEven: isAway = whole % 2 != 0
            }
        } else {
            isAway = twice > one.magnitude
        }
        return Money(minorUnits: Int64(isAway ? whole + rest.signum() : whole))
    }
}
