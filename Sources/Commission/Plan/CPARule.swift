import Core

/// A fixed amount for each level, paid once for a customer: on the first deposit that qualifies.
package struct CPARule: Equatable, Sendable {
    /// What each level gets: the first for level 1, and so on.
    package var amounts: [Money]
    /// A smaller deposit does not qualify.
    package var minimumDeposit: Money
    /// A deposit this many days after the registration, or later, does not qualify. Nil: any day does.
    package var windowDays: Int?

    package init(amounts: [Money], minimumDeposit: Money = .zero, windowDays: Int? = nil) {
        self.amounts = amounts
        self.minimumDeposit = minimumDeposit
        self.windowDays = windowDays
    }

    /// Whether a deposit is large and early enough. Whether it is the first such deposit, only who knows the earlier ones can say.
    ///
    /// Dates are microseconds since 1970 UTC. A day is 24 hours. A deposit before the registration is early enough.
    package func qualifies(deposit: Money, date: Int64, registeredAt: Int64) -> Bool {
        guard deposit >= minimumDeposit else { return false }
        guard let windowDays else { return true }
        return Int128(date) - Int128(registeredAt) < Int128(windowDays) * Int128(CivilTime.microsecondsPerDay)
    }
}
