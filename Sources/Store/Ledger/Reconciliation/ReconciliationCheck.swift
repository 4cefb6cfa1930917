/// One thing that has to hold for the ledger. The words stand in the report.
package enum ReconciliationCheck: String, CaseIterable, Sendable {
    case lost
    case doubled
    case unexpected
    case orphan
    case wrongAmount = "wrong_amount"
    case wrongBase = "wrong_base"
    case wrongRate = "wrong_rate"
    case wrongBeneficiary = "wrong_beneficiary"
    case wrongOrigin = "wrong_origin"
    case wrongReversal = "wrong_reversal"
    case wrongAward = "wrong_award"
    case wrongSettlement = "wrong_settlement"
    case overCap = "over_cap"
    case stuck
    case noUpline = "no_upline"
    case dead
    case deadWithoutLetter = "dead_without_letter"
    case letterWithoutDead = "letter_without_dead"
    case duplicateExternalID = "duplicate_external_id"
    case rowWithoutKey = "row_without_key"
    case keyWithoutRow = "key_without_row"
    case wrongCapUsage = "wrong_cap_usage"
    case wrongTotals = "wrong_totals"

    /// What is wrong with those it counts.
    package var meaning: String {
        switch self {
        case .lost: "the plan pays it, and there is no entry"
        case .doubled: "another entry of the same transaction, level distance and rule"
        case .unexpected: "the plan does not pay it"
        case .orphan: "its transaction does not exist or is not processed, or its settlement does not exist"
        case .wrongAmount: "the amount is not what the plan gives"
        case .wrongBase: "the base is not the transaction's amount"
        case .wrongRate: "the rate is not the plan's"
        case .wrongBeneficiary: "the beneficiary is not who stood at that level distance when the transaction was accepted"
        case .wrongOrigin: "source, currency or plan version is not the transaction's"
        case .wrongReversal: "an entry and its reversal do not mirror each other"
        case .wrongAward: "a CPA award without a deposit that qualifies, or such a deposit's affiliate without an award"
        case .wrongSettlement: "a settlement and its entry differ"
        case .overCap: "more was paid than a cap allows"
        case .stuck: "accepted, not processed, not dead, and older than it may be"
        case .noUpline: "processed without an upline: another program has said so"
        case .dead: "its job has failed for good and waits for a person: fature dlq"
        case .deadWithoutLetter: "marked as dead without a dead letter"
        case .letterWithoutDead: "an open dead letter of a transaction that is not dead"
        case .duplicateExternalID: "another transaction has the same external id"
        case .rowWithoutKey: "its external id does not stand in transaction_key"
        case .keyWithoutRow: "an external id in transaction_key whose transaction does not exist"
        case .wrongCapUsage: "commission_cap_usage is not the sum of the entries"
        case .wrongTotals: "a running total is not the sum of the entries or transactions"
        }
    }

    /// Whether it can be answered for the transactions of a time alone.
    package var isPerTransaction: Bool {
        switch self {
        case .keyWithoutRow, .wrongAward, .wrongSettlement, .wrongCapUsage, .wrongTotals, .letterWithoutDead: false
        default: true
        }
    }
}

/// One of those that a check counts.
package struct ReconciliationExample: Sendable, Equatable {
    /// As in `transaction 12 ordinal 3`.
    package let what: String
    /// What the oracle says; empty where it says nothing.
    package let expected: String
    package let found: String
}

/// What a check found.
package struct ReconciliationFinding: Sendable, Equatable {
    package let check: ReconciliationCheck
    package let count: Int64
    /// The money it is about, as decimal text: what was lost or paid too much, and the size of a difference.
    package let amount: String
    package let examples: [ReconciliationExample]
}

/// What a reconciliation found.
package struct ReconciliationReport: Sendable, Equatable {
    /// The moment of the snapshot, microseconds since 1970 UTC.
    package var snapshotMicroseconds: Int64
    /// Transactions in question, and of these those with their commissions computed.
    package var transactions: Int64 = 0
    package var processed: Int64 = 0
    /// Not processed yet, and not for too long.
    package var waiting: Int64 = 0
    /// Dead letters that were given up: they stay unpaid, and nobody has to do anything about them.
    package var discarded: Int64 = 0
    package var entries: Int64 = 0
    /// The sum of the entries that are not cancelled, as decimal text.
    package var amount = "0.00"
    package var findings: [ReconciliationFinding] = []
    /// Checks that need the whole ledger and were left out.
    package var leftOut: [ReconciliationCheck] = []

    package init(snapshotMicroseconds: Int64) { self.snapshotMicroseconds = snapshotMicroseconds }

    package var isClean: Bool { findings.allSatisfy { $0.count == 0 } }
    package var differences: Int64 { findings.reduce(0) { $0 + $1.count } }
}
