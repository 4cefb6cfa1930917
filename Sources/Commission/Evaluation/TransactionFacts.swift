import Core

/// What an evaluation needs to know of a transaction.
package struct TransactionFacts: Equatable, Sendable {
    package var type: TransactionType
    /// In the plan's currency. The base of percentages.
    package var amount: Money
    /// What the customer won with a bet; 0.00 for all other types.
    package var winnings: Money
    /// A transaction that is not eligible pays nothing.
    package var isCommissionEligible: Bool
    /// Whether it is the source's first deposit for which `CPARule.qualifies` holds. Of no account for other types.
    package var isFirstQualifyingDeposit: Bool

    package init(
        type: TransactionType, amount: Money, winnings: Money = .zero, isCommissionEligible: Bool,
        isFirstQualifyingDeposit: Bool = false
    ) {
        self.type = type
        self.amount = amount
        self.winnings = winnings
        self.isCommissionEligible = isCommissionEligible
        self.isFirstQualifyingDeposit = isFirstQualifyingDeposit
    }
}
