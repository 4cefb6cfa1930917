import Core

/// A share of the net gaming revenue of a period for each level.
package struct RevShareRule: Equatable, Sendable {
    /// The first for level distance 1, and so on.
    package var rates: [Rate]
    package var period: SettlementPeriod
    /// What the operator pays on gross gaming revenue (taxes, platform), taken off before the share. Nothing is taken of a loss.
    package var ggrFee: Rate
    /// What the operator pays on deposits (payment providers), taken off before the share.
    package var depositFee: Rate
    /// Whether bonuses given to customers are taken off before the share.
    package var isDeductingBonuses: Bool
    /// Whether a loss is made good by the shares of later periods before anything is earned again.
    package var isCarryingLosses: Bool

    package init(
        rates: [Rate], period: SettlementPeriod = .monthly, ggrFee: Rate = .zero, depositFee: Rate = .zero,
        isDeductingBonuses: Bool = true, isCarryingLosses: Bool = false
    ) {
        self.rates = rates
        self.period = period
        self.ggrFee = ggrFee
        self.depositFee = depositFee
        self.isDeductingBonuses = isDeductingBonuses
        self.isCarryingLosses = isCarryingLosses
    }
}
