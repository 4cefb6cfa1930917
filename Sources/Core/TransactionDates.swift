/// How far dates may be ahead of the clock, so that a plan never comes to hold for what has been paid by another.
package enum TransactionDates {
    /// A transaction that is dated further ahead than this is not accepted. Callers' clocks differ.
    package static let futureToleranceMicroseconds: Int64 = 5_000_000
    /// A plan holds from this long after it is applied, or later: the tolerance, and as much again for clocks of our own that differ.
    package static let planLeadMicroseconds: Int64 = 10_000_000
}
