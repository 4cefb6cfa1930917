import Core

/// What transactions amount to for RevShare. Each sum may be negative, where more was reversed than done.
package struct PeriodSums: Equatable, Sendable {
    /// Gross gaming revenue: stakes less winnings.
    package var ggr: Money
    package var deposits: Money
    package var bonuses: Money

    package init(ggr: Money = .zero, deposits: Money = .zero, bonuses: Money = .zero) {
        self.ggr = ggr
        self.deposits = deposits
        self.bonuses = bonuses
    }

    /// Of one transaction. Throws `tooLarge` only for a stake and winnings that no database holds.
    package init(of facts: TransactionFacts) throws(MoneyError) {
        self.init()
        switch facts.type {
        case .bet: ggr = try facts.amount.subtracting(facts.winnings)
        case .deposit: deposits = facts.amount
        case .bonus: bonuses = facts.amount
        case .withdrawal: break
        }
    }

    /// Throws `tooLarge` if a sum is outside 64 bits.
    package func adding(_ other: PeriodSums) throws(MoneyError) -> PeriodSums {
        PeriodSums(
            ggr: try ggr.adding(other.ggr), deposits: try deposits.adding(other.deposits),
            bonuses: try bonuses.adding(other.bonuses))
    }

    /// Throws `tooLarge` if a difference is outside 64 bits.
    package func subtracting(_ other: PeriodSums) throws(MoneyError) -> PeriodSums {
        PeriodSums(
            ggr: try ggr.subtracting(other.ggr), deposits: try deposits.subtracting(other.deposits),
            bonuses: try bonuses.subtracting(other.bonuses))
    }
}
