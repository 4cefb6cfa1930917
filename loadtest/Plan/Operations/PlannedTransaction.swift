import Core

/// What one transaction of a run says. It follows from the scenario, the network and its place, so that it can be compared with what the
/// ledger holds without having been kept.
package struct PlannedTransaction: Sendable, Equatable {
    package var affiliate: Int64
    package var type: TransactionType
    package var amount: Money
    /// Bets only: what was won back.
    package var winnings: Money
    package var externalID: String

    package init(affiliate: Int64, type: TransactionType, amount: Money, winnings: Money, externalID: String) {
        self.affiliate = affiliate
        self.type = type
        self.amount = amount
        self.winnings = winnings
        self.externalID = externalID
    }
}

/// Where a transaction of a run has its place: item `item` of request `number`.
package struct TransactionPlace: Sendable, Hashable {
    package var number: Int
    package var item: Int

    package init(number: Int, item: Int) {
        self.number = number
        self.item = item
    }
}
