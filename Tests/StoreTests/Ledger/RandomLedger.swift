import Commission
import Core
import Foundation
import PostgresClient
import Store
import TestServers

/// A ledger as workers and gateways make it, under plans that use everything a plan can have. As they do, it tries again what PostgreSQL has
/// chosen to end a deadlock.
struct RandomLedger {
    var random: SeededGenerator
    let connection: PostgresConnection

    init(seed: UInt64, on connection: PostgresConnection) {
        random = SeededGenerator(seed: seed)
        self.connection = connection
    }

    static let affiliates: ClosedRange<Int64> = 1...60
    /// 2026-01-01 and 2026-03-01, between which transactions are dated.
    private static let dates: ClosedRange<Int64> = 1_767_225_600_000_000...1_772_323_200_000_000

    /// Some versions of a plan, as if applied long ago, and the affiliates that CPA asks about.
    mutating func makePlans(_ count: Int, capsMonths: Bool) throws {
        for version in 2...(count + 1) {
            let from = Self.dates.lowerBound + Int64(version - 2) * (Self.dates.upperBound - Self.dates.lowerBound) / Int64(count)
            let plan = try CommissionPlan(
                name: "random-\(version)", version: version, effectiveFrom: from,
                rounding: Bool.random(using: &random) ? .halfEven : .halfAwayFromZero,
                isCompressing: Bool.random(using: &random),
                percentage: PercentageRule(
                    deposit: rates(), bet: rates(), withdrawal: Bool.random(using: &random) ? rates() : [], bonus: []),
                cpa: Bool.random(using: &random)
                    ? CPARule(
                        amounts: (0..<Int.random(in: 1...3, using: &random)).map { _ in money(0...5_000) },
                        minimumDeposit: money(0...20_000),
                        windowDays: Bool.random(using: &random) ? 30 : nil) : nil,
                caps: CommissionCaps(
                    beneficiaryPerTransaction: Bool.random(using: &random) ? money(500...5_000) : nil,
                    totalPerTransaction: Bool.random(using: &random) ? money(500...9_000) : nil,
                    beneficiaryPerMonth: capsMonths && Bool.random(using: &random) ? money(1_000...40_000) : nil))
            _ = try connection.execute(
                """
                INSERT INTO fature_v2.commission_plan (version, name, effective_from, definition, applied_by)
                VALUES ($1::integer, $2, timestamptz 'epoch' + $3 * interval '1 microsecond', $4::text::jsonb, 'tests')
                """, [.int(Int64(version)), .text(plan.name), .int(from), .text(plan.canonicalJSON)])
        }
        _ = try connection.execute("UPDATE fature_v2.programme SET plan_revision = plan_revision + 1")
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (
                affiliate_id, hierarchy_level, shard_id, external_id, name, hierarchy_path, registration_date)
            SELECT n, 1, 0, 'a' || n, 'N', n::text::ltree, timestamptz '2026-01-01Z' + n * interval '7 hours' FROM generate_series(1, 60) AS n
            """)
    }

    private mutating func rates() -> [Rate] {
        (0..<Int.random(in: 1...8, using: &random)).compactMap { _ in
            Rate(tenThousandths: Int.random(in: 0...900, using: &random))
        }
    }

    private mutating func money(_ range: ClosedRange<Int64>) -> Money {
        Money(minorUnits: max(1, Int64.random(in: range, using: &random)))
    }

    /// Accepts and pays `count` transactions, in groups.
    mutating func transact(_ count: Int, prefix: String = "r") throws {
        let (revision, book) = try PlanStore.load(connection)
        let plans = CommissionPayment.Plans(revision: revision, book: book)
        var group: [NewTransaction] = []
        for number in 0..<count {
            let ids = Array(Self.affiliates).shuffled(using: &random)
            let depth = Int.random(in: 0...10, using: &random)
            let type = TransactionType.allCases.randomElement(using: &random) ?? .deposit
            let cents =
                Bool.random(using: &random)
                ? Int64.random(in: 1...1_000, using: &random) : Int64.random(in: 1...9_999_999, using: &random)
            let inactive = (1...10).filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.filter { $0 <= depth }.map {
                Int16($0)
            }
            group.append(
                try LedgerFixture.transaction(
                    "\(prefix)\(number)", of: ids[0], amount: Money(minorUnits: cents).description, type: type,
                    winnings: type == .bet ? Money(minorUnits: Int64.random(in: 0...cents, using: &random)).description : "0.00",
                    shard: Int.random(in: 0...2, using: &random), upline: Array(ids[1...].prefix(depth)), inactive: inactive,
                    date: Int64.random(in: Self.dates, using: &random),
                    isEligible: Int.random(in: 0..<10, using: &random) == 0 ? Bool.random(using: &random) : nil))
        }
        for start in stride(from: 0, to: count, by: 100) {
            try connection.commit(Array(group[start..<min(start + 100, count)]))
            let waiting = try connection.ordersWaiting()
            for batch in stride(from: 0, to: waiting.count, by: 30) {
                _ = try retryingConflicts {
                    try connection.pay(Array(waiting[batch..<min(batch + 30, waiting.count)]), plans: plans)
                }
            }
        }
    }

    /// Takes back one in `every` transactions, each in a database transaction of its own: together they would lock totals in no order.
    func reverse(every: Int) throws {
        let ids = try connection.execute(
            "SELECT transaction_id FROM fature_v2.transactions WHERE transaction_id % $1 = 0 ORDER BY transaction_id",
            [.int(Int64(every))])
        for row in 0..<ids.rowCount {
            _ = try retryingConflicts {
                try connection.execute(
                    "SELECT outcome FROM fature_v2.reverse_transaction($1, 'a test', 'tests', NULL)", [.int(try ids.int(row, 0))])
            }
        }
    }
}
