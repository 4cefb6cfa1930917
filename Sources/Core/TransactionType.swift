/// What a customer did. The raw value travels in frames.
package enum TransactionType: UInt8, CaseIterable, Sendable {
    case deposit = 0
    case bet = 1
    case withdrawal = 2
    case bonus = 3

    /// The word for it in SQL, JSON and plans.
    package var name: StaticString {
        switch self {
        case .deposit: "deposit"
        case .bet: "bet"
        case .withdrawal: "withdrawal"
        case .bonus: "bonus"
        }
    }

    /// The type a word stands for, or nil if the word is not one of the four.
    package init?(name: some StringProtocol) {
        switch name {
        case "deposit": self = .deposit
        case "bet": self = .bet
        case "withdrawal": self = .withdrawal
        case "bonus": self = .bonus
        default: return nil
        }
    }

    /// Whether a transaction of this type may pay commissions if it does not say so itself.
    package var isCommissionEligibleByDefault: Bool {
        switch self {
        case .deposit, .bet: true
        case .withdrawal, .bonus: false
        }
    }
}
