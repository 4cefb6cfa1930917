import Commission
import Core
import PostgresClient

/// Finds out which deposits of a batch are their affiliate's first that qualifies for a CPA: one for ever (`cpa_award`).
enum FirstDeposits {
    /// Sets `isFirstQualifyingDeposit` of those that are. Without a plan with a CPA nothing is asked.
    static func mark(_ claimed: inout [ClaimedTransaction], _ book: PlanBook, on connection: PostgresConnection) throws {
        guard book.plans.contains(where: { $0.cpa != nil }) else { return }
        let candidates = claimed.filter { rule(for: $0, book) != nil }
        guard !candidates.isEmpty else { return }
        let registrations = try registrations(of: Set(candidates.map(\.source.rawValue)), on: connection)

        // The one with the lowest number of each affiliate stands for it.
        var firsts: [Int64: Int64] = [:]
        for candidate in candidates {
            guard let rule = rule(for: candidate, book), let registeredAt = registrations[candidate.source.rawValue],
                rule.qualifies(deposit: candidate.facts.amount, date: candidate.date, registeredAt: registeredAt)
            else { continue }
            firsts[candidate.source.rawValue] = min(candidate.id, firsts[candidate.source.rawValue] ?? .max)
        }
        guard !firsts.isEmpty else { return }
        let sorted = firsts.sorted { $0.key < $1.key }
        let result = try connection.execute(
            """
            INSERT INTO fature_v2.cpa_award (affiliate_id, transaction_id) SELECT * FROM unnest($1, $2)
            ON CONFLICT (affiliate_id) DO NOTHING RETURNING transaction_id
            """, [.int8Array(sorted.map(\.key)), .int8Array(sorted.map(\.value))])
        var awarded: Set<Int64> = []
        for row in 0..<result.rowCount { awarded.insert(try result.int(row, 0)) }
        for index in claimed.indices where awarded.contains(claimed[index].id) {
            claimed[index].facts.isFirstQualifyingDeposit = true
        }
    }

    private static func rule(for transaction: ClaimedTransaction, _ book: PlanBook) -> CPARule? {
        guard transaction.facts.type == .deposit, transaction.facts.isCommissionEligible,
            let plan = book.plan(at: transaction.date), let rule = plan.cpa,
            transaction.facts.amount >= rule.minimumDeposit
        else { return nil }
        return rule
    }

    private static func registrations(of affiliates: Set<Int64>, on connection: PostgresConnection) throws -> [Int64: Int64] {
        let result = try connection.execute(
            """
            SELECT affiliate_id, (extract(epoch FROM registration_date) * 1000000)::bigint
            FROM fature_v2.affiliates_optimized WHERE affiliate_id = ANY ($1)
            """, [.int8Array(Array(affiliates))])
        var dates: [Int64: Int64] = [:]
        for row in 0..<result.rowCount { dates[try result.int(row, 0)] = try result.int(row, 1) }
        return dates
    }
}
