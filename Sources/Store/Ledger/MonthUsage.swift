import Commission
import Core
import PostgresClient

/// What beneficiaries have earned in a calendar month (UTC) under a plan that caps months. Locked while a batch is computed, so that two
/// batches can not both use up the same rest.
struct MonthUsage {
    private struct Key: Hashable, Comparable {
        var beneficiary: Int64
        /// Days since 1970 of the month's first.
        var month: Int64

        static func < (a: Self, b: Self) -> Bool { (a.beneficiary, a.month) < (b.beneficiary, b.month) }
    }

    private var earned: [Key: Money] = [:]
    private var added: [Key: Money] = [:]

    /// Nothing is asked unless a plan that caps months holds for one of the transactions.
    static func lock(_ claimed: [ClaimedTransaction], _ book: PlanBook, on connection: PostgresConnection) throws -> MonthUsage {
        var usage = MonthUsage()
        guard book.plans.contains(where: { $0.caps.beneficiaryPerMonth != nil }) else { return usage }
        var keys: Set<Key> = []
        for transaction in claimed {
            let facts = transaction.facts
            guard facts.isCommissionEligible, let plan = book.plan(at: transaction.date), plan.caps.beneficiaryPerMonth != nil
            else { continue }
            let month = monthStart(transaction.date)
            // Nobody beyond is paid: with compression each inactive one is passed over.
            let reach = plan.percentage[facts.type].count + (plan.isCompressing ? transaction.inactiveDistances.count : 0)
            for ancestor in transaction.upline.prefix(reach) { keys.insert(Key(beneficiary: ancestor.rawValue, month: month)) }
        }
        guard !keys.isEmpty else { return usage }
        let sorted = keys.sorted()
        let parameters: [PostgresValue] = [.int8Array(sorted.map(\.beneficiary)), .int8Array(sorted.map(\.month))]
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commission_cap_usage SELECT b, date '1970-01-01' + m::integer, 0 FROM unnest($1, $2) AS w (b, m)
            ON CONFLICT DO NOTHING
            """, parameters)
        let result = try connection.execute(
            """
            SELECT u.beneficiary_id, (u.month - date '1970-01-01')::bigint, (u.amount * 100)::bigint
            FROM fature_v2.commission_cap_usage AS u
            WHERE (u.beneficiary_id, u.month) IN (SELECT b, date '1970-01-01' + m::integer FROM unnest($1, $2) AS w (b, m))
            ORDER BY u.beneficiary_id, u.month FOR UPDATE OF u
            """, parameters)
        for row in 0..<result.rowCount {
            usage.earned[Key(beneficiary: try result.int(row, 0), month: try result.int(row, 1))] =
                Money(minorUnits: try result.int(row, 2))
        }
        return usage
    }

    func earned(by beneficiary: AffiliateID, at date: Int64) -> Money {
        let key = Key(beneficiary: beneficiary.rawValue, month: Self.monthStart(date))
        return (earned[key] ?? .zero) + (added[key] ?? .zero)
    }

    mutating func add(_ payment: Payment, at date: Int64) {
        added[Key(beneficiary: payment.beneficiary.rawValue, month: Self.monthStart(date)), default: .zero] += payment.amount
    }

    func write(on connection: PostgresConnection) throws {
        guard !added.isEmpty else { return }
        let sorted = added.sorted { $0.key < $1.key }
        _ = try connection.execute(
            """
            UPDATE fature_v2.commission_cap_usage AS u SET amount = u.amount + w.amount
            FROM unnest($1, $2, $3) AS w (b, m, amount) WHERE u.beneficiary_id = w.b AND u.month = date '1970-01-01' + w.m::integer
            """,
            [
                .int8Array(sorted.map(\.key.beneficiary)), .int8Array(sorted.map(\.key.month)),
                .hundredthsArray(sorted.map(\.value.minorUnits)),
            ])
    }

    private static func monthStart(_ microseconds: Int64) -> Int64 { CivilTime.monthStart(containing: microseconds) }
}
