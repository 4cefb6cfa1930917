import Core
import PostgresClient
import Store
import Testing

/// The ledger's entries and running totals in memory: what reversals and decisions make of them, told a second time.
struct LedgerModel {
    struct Entry: Equatable {
        var beneficiary: Int64
        var rule: String
        var amount: Int64
        var status: CommissionStatus
        var createdAt: Int64
    }

    struct Totals: Equatable {
        var count: Int64 = 0
        var earned: Int64 = 0
        var paid: Int64 = 0
        var cpa: Int64 = 0
    }

    private(set) var entries: [CommissionID: Entry]
    private(set) var reversed: Set<Int64> = []
    /// Entries changed and their sum, by status they were changed to.
    private(set) var changes: [CommissionStatus: Totals] = [:]

    private static let legal: [CommissionStatus: Set<CommissionStatus>] = [
        .pending: [.approved, .cancelled, .disputed], .approved: [.paid, .cancelled, .disputed],
        .disputed: [.pending, .approved, .cancelled],
    ]

    init(_ connection: PostgresConnection) throws { entries = try Self.read(connection) }

    static func read(_ connection: PostgresConnection) throws -> [CommissionID: Entry] {
        let result = try connection.execute(
            """
            SELECT transaction_id, ordinal, beneficiary_id, rule, (amount * 100)::bigint, status,
                (extract(epoch FROM created_at) * 1000000)::bigint FROM fature_v2.commissions
            """)
        var entries: [CommissionID: Entry] = [:]
        for row in 0..<result.rowCount {
            let id = CommissionID(transaction: try result.int(row, 0), ordinal: Int16(try result.int(row, 1)))
            entries[id] = Entry(
                beneficiary: try result.int(row, 2), rule: try result.text(row, 3), amount: try result.int(row, 4),
                status: try #require(CommissionStatus(name: try result.text(row, 5))), createdAt: try result.int(row, 6))
        }
        return entries
    }

    func outcome(_ id: CommissionID, _ status: CommissionStatus) -> CommissionDecisions.Outcome {
        guard let entry = entries[id] else { return .unknown }
        if entry.status == status { return .unchanged }
        guard Self.legal[entry.status]?.contains(status) == true else { return .illegal }
        return status == .cancelled && reversed.contains(id.transaction) ? .reversed : .changed
    }

    mutating func decide(_ id: CommissionID, _ status: CommissionStatus) -> CommissionDecisions.Outcome {
        let outcome = outcome(id, status)
        guard outcome == .changed, let entry = entries[id] else { return outcome }
        entries[id]?.status = status
        changes[status, default: Totals()].count += 1
        changes[status, default: Totals()].earned += entry.amount
        return outcome
    }

    /// Entries that a filter names, in the order in which a decision goes through them.
    func matching(_ filter: CommissionDecisions.Filter) -> [CommissionID] {
        entries.filter { _, entry in
            (filter.beneficiary.map { $0.rawValue == entry.beneficiary } ?? true)
                && (filter.status.map { $0 == entry.status } ?? true)
                && (filter.from.map { entry.createdAt >= $0 } ?? true) && (filter.to.map { entry.createdAt < $0 } ?? true)
        }.keys.sorted { ($0.transaction, $0.ordinal) < ($1.transaction, $1.ordinal) }
    }

    /// Reverses a transaction whose commissions were computed; returns how many mirrors there are and their sum.
    mutating func reverse(_ transaction: Int64, at moment: Int64) -> (Int64, Int64) {
        if reversed.insert(transaction).inserted {
            for (id, entry) in entries where id.transaction == transaction && entry.status != .cancelled {
                var mirror = entry
                mirror.amount = -entry.amount
                mirror.status = .pending
                mirror.createdAt = moment
                entries[CommissionID(transaction: transaction, ordinal: -id.ordinal)] = mirror
            }
        }
        let mirrors = entries.filter { $0.key.transaction == transaction && $0.key.ordinal < 0 }
        return (Int64(mirrors.count), mirrors.values.reduce(0) { $0 + $1.amount })
    }

    /// By beneficiary; those with nothing are left out.
    var totals: [Int64: Totals] {
        var totals: [Int64: Totals] = [:]
        for entry in entries.values where entry.status != .cancelled {
            totals[entry.beneficiary, default: Totals()].count += 1
            totals[entry.beneficiary, default: Totals()].earned += entry.amount
            if entry.status == .paid { totals[entry.beneficiary, default: Totals()].paid += entry.amount }
            if entry.rule == "cpa" { totals[entry.beneficiary, default: Totals()].cpa += entry.amount }
        }
        return totals.filter { $0.value != Totals() }
    }

    static func totals(_ connection: PostgresConnection) throws -> [Int64: Totals] {
        let result = try connection.execute(
            """
            SELECT affiliate_id, commissions_count, (commissions_earned * 100)::bigint, (commissions_paid * 100)::bigint,
                (cpa_earned * 100)::bigint FROM fature_v2.affiliate_totals
            """)
        var totals: [Int64: Totals] = [:]
        for row in 0..<result.rowCount {
            totals[try result.int(row, 0)] = Totals(
                count: try result.int(row, 1), earned: try result.int(row, 2), paid: try result.int(row, 3),
                cpa: try result.int(row, 4))
        }
        return totals.filter { $0.value != Totals() }
    }
}
