import Commission
import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct CommissionPaymentTests {
    private static let entries = """
        SELECT transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, status
        FROM fature_v2.commissions ORDER BY transaction_id, ordinal
        """

    @Test("a transaction pays its active ancestors by the plan, once, however often its job comes")
    func paysOnce() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([
            LedgerFixture.transaction("a", amount: "6.45", upline: [5, 4, 3, 2, 1, 6], inactive: [2]),
            LedgerFixture.transaction("b", amount: "0.99", type: .withdrawal),
            LedgerFixture.transaction("c", amount: "0.09"),
        ])
        let orders = try connection.ordersWaiting()
        #expect(orders.map(\.transactionID) == group.map(\.id))
        let receipt = try connection.pay(orders + orders)
        #expect(receipt.transactionsCount == 3 && receipt.entriesCount == 4 && receipt.unknownTransactions.isEmpty)
        let a = group[0].id
        #expect(
            try connection.rows(Self.entries) == [
                "\(a) 1 5 900 1 percentage 6.45 0.0500 0.32 pending", "\(a) 3 3 900 3 percentage 6.45 0.0200 0.13 pending",
                "\(a) 4 2 900 4 percentage 6.45 0.0100 0.06 pending", "\(a) 5 1 900 5 percentage 6.45 0.0050 0.03 pending",
            ])
        let again = try connection.pay(orders)
        #expect(again.transactionsCount == 0 && again.entriesCount == 0 && again.unknownTransactions.isEmpty)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.commissions") == 4)
        #expect(try connection.ordersWaiting().isEmpty)
        #expect(
            try connection.rows(
                """
                SELECT affiliate_id, transactions_count, deposits, withdrawals, lifetime_volume, commissions_count, commissions_earned
                FROM fature_v2.affiliate_totals ORDER BY 1
                """) == [
                    "1 0 0.00 0.00 0.00 1 0.03", "2 0 0.00 0.00 0.00 1 0.06", "3 0 0.00 0.00 0.00 1 0.13",
                    "5 0 0.00 0.00 0.00 1 0.32",
                    "900 3 6.54 0.99 6.54 0 0.00",
                ])
    }

    @Test("stale plans, a lost shard, an unknown and a dead transaction are told and change nothing")
    func refusals() async throws {
        let connection = try await StoreDatabase.create().connect()
        try connection.commit([
            LedgerFixture.transaction("a"), LedgerFixture.transaction("b", shard: 1), LedgerFixture.transaction("dead"),
        ])
        _ = try connection.execute(
            "UPDATE fature_v2.transactions SET commission_dead = true WHERE external_transaction_id = 'dead'")
        let orders = try connection.ordersWaiting()
        #expect(orders.count == 2)
        let stale = try CommissionPayment.Plans(revision: 41, book: LedgerFixture.plans.get().book)
        guard case .stalePlans = try CommissionPayment.pay(orders, fence: LedgerFixture.fence(), plans: stale, on: connection)
        else {
            Issue.record("plans of another revision were used")
            return
        }
        _ = try connection.execute("UPDATE fature_v2.shard SET epoch = 2 WHERE id = 1")
        let unknown = CommissionPayment.Order(
            transactionID: 123_456_789, acceptedAtMicroseconds: orders[0].acceptedAtMicroseconds, shard: ShardID(0))
        let receipt = try connection.pay(orders + [unknown])
        #expect(receipt.transactionsCount == 1)
        #expect(receipt.fencedShards == [ShardID(1)])
        #expect(receipt.unknownTransactions == [123_456_789])
        #expect(
            try connection.texts("SELECT external_transaction_id FROM fature_v2.transactions WHERE commission_processed") == ["a"]
        )
    }

    @Test("random transactions give exactly what PostgreSQL's numeric computes, entry by entry and in all totals")
    func oracle() async throws {
        let connection = try await StoreDatabase.create().connect()
        var generator = SeededGenerator(seed: 20_261_121)
        var group: [NewTransaction] = []
        for number in 0..<1500 {
            let depth = Int.random(in: 0...8, using: &generator)
            let cents = Int64.random(in: 1...(number % 10 == 0 ? 999_999_999_999_999 : 100_000), using: &generator)
            let type = TransactionType.allCases.randomElement(using: &generator) ?? .bet
            group.append(
                NewTransaction(
                    id: 0, shard: ShardID(number % 3), affiliate: AffiliateID(Int64.random(in: 100...140, using: &generator)),
                    type: type,
                    amount: Money(minorUnits: cents),
                    winnings: type == .bet ? Money(minorUnits: Int64.random(in: 0...cents, using: &generator)) : .zero,
                    currency: "BRL", dateMicroseconds: nil,
                    isEligible: [nil, true, false].randomElement(using: &generator) ?? nil,
                    externalID: "t\(number)", metadata: nil, upline: (0..<Int64(depth)).map { $0 + Int64(number % 7) },
                    inactiveDistances: (0..<depth).map { Int16($0 + 1) }.filter { _ in Bool.random(using: &generator) }))
        }
        try connection.commit(group)
        var orders = try connection.ordersWaiting()
        orders.shuffle(using: &generator)
        for start in stride(from: 0, to: orders.count, by: 400) {
            try connection.pay(Array(orders[start..<min(start + 400, orders.count)]))
        }
        _ = try connection.execute(
            """
            CREATE TEMP TABLE expected AS
            SELECT t.transaction_id, u.place::smallint AS ordinal, u.id AS beneficiary_id, t.affiliate_id AS source_id,
                round(t.amount * (ARRAY[0.05, 0.03, 0.02, 0.01, 0.005])[u.place], 2) AS amount
            FROM fature_v2.transactions t, unnest(t.upline) WITH ORDINALITY AS u (id, place)
            WHERE u.place <= 5 AND NOT (u.place = ANY (coalesce(t.upline_inactive, '{}'))) AND transaction_type IN ('deposit', 'bet')
                AND coalesce(commission_eligible, true)
            """)
        #expect(try connection.number("SELECT count(*) FROM expected WHERE amount > 0") > 500)
        #expect(
            try connection.rows(
                """
                (SELECT transaction_id, ordinal, beneficiary_id, source_id, amount FROM expected WHERE amount > 0
                 EXCEPT SELECT transaction_id, ordinal, beneficiary_id, source_id, amount FROM fature_v2.commissions)
                UNION ALL
                (SELECT transaction_id, ordinal, beneficiary_id, source_id, amount FROM fature_v2.commissions
                 EXCEPT SELECT transaction_id, ordinal, beneficiary_id, source_id, amount FROM expected)
                """) == [])
        #expect(
            try connection.rows(
                """
                WITH sums AS (
                    SELECT id, sum(n) AS n, sum(d) AS d, sum(b) AS b, sum(w) AS w, sum(o) AS o, sum(g) AS g, sum(c) AS c, sum(e) AS e FROM (
                        SELECT affiliate_id AS id, 1 AS n, CASE transaction_type WHEN 'deposit' THEN amount ELSE 0 END AS d,
                            CASE transaction_type WHEN 'bet' THEN amount ELSE 0 END AS b,
                            CASE transaction_type WHEN 'withdrawal' THEN amount ELSE 0 END AS w,
                            CASE transaction_type WHEN 'bonus' THEN amount ELSE 0 END AS o,
                            CASE transaction_type WHEN 'bet' THEN amount - winnings ELSE 0 END AS g, 0 AS c, 0 AS e
                        FROM fature_v2.transactions
                        UNION ALL SELECT beneficiary_id, 0, 0, 0, 0, 0, 0, 1, amount FROM fature_v2.commissions) AS parts GROUP BY id)
                SELECT * FROM sums s FULL JOIN fature_v2.affiliate_totals t ON t.affiliate_id = s.id
                WHERE (s.n, s.d, s.b, s.w, s.o, s.g, s.c, s.e, s.d + s.b) IS DISTINCT FROM (t.transactions_count, t.deposits, t.bets,
                    t.withdrawals, t.bonuses, t.ggr, t.commissions_count, t.commissions_earned, t.lifetime_volume)
                """) == [])
    }
}
