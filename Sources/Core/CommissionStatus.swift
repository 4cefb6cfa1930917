/// Where an entry of the ledger is on its way to being paid out. What is paid stays as it is.
package enum CommissionStatus: UInt8, CaseIterable, Sendable {
    case pending = 0
    case approved = 1
    case paid = 2
    case cancelled = 3
    case disputed = 4

    /// The word for it in SQL, JSON and documentation.
    package var name: StaticString {
        switch self {
        case .pending: "pending"
        case .approved: "approved"
        case .paid: "paid"
        case .cancelled: "cancelled"
        case .disputed: "disputed"
        }
    }

    /// The status a word stands for, or nil if the word is not one of the five.
    package init?(name: some StringProtocol) {
        switch name {
        case "pending": self = .pending
        case "approved": self = .approved
        case "paid": self = .paid
        case "cancelled": self = .cancelled
        case "disputed": self = .disputed
        default: return nil
        }
    }
}

/// Which entry of the ledger: written `transaction-ordinal`, as in `1000-1`, or `1000--1` for its reversal.
package struct CommissionID: Hashable, Sendable, CustomStringConvertible {
    package var transaction: Int64
    package var ordinal: Int16

    package init(transaction: Int64, ordinal: Int16) {
        self.transaction = transaction
        self.ordinal = ordinal
    }

    /// Nil unless it is a transaction's number, a hyphen and an ordinal, which may be negative but not 0.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let transaction = Self.number(parts[0]), transaction > 0 else { return nil }
        let isReversal = parts[1].first == UInt8(ascii: "-")
        guard let magnitude = Self.number(isReversal ? parts[1].dropFirst() : parts[1]), magnitude > 0,
            let ordinal = Int16(exactly: isReversal ? -magnitude : magnitude)
        else { return nil }
        self.init(transaction: transaction, ordinal: ordinal)
    }

    /// Digits only, up to 19 of them.
    private static func number(_ digits: Substring.UTF8View.SubSequence) -> Int64? {
        guard (1...19).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(String(digits) ?? "")
    }

    package var description: String { "\(transaction)-\(ordinal)" }
}
