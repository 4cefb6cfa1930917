import Core
import PostgresClient
import Store
import TestServers
import Testing

private let origin = ChangeOrigin(actor: "operator", requestID: "r-9")

@Suite struct TransactionReversalTests {
    private static let totals = """
        SELECT affiliate_id, transactions_count, deposits, bets, withdrawals, bonuses, ggr, lifetime_volume, commissions_count,
            commissions_earned, cpa_earned FROM fature_v2.affiliate_totals ORDER BY 1
        """

    @Test("a reversal gives every entry its mirror and takes the totals back; asked for again it answers the same")
    func reverses() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([
            LedgerFixture.transaction("bet", amount: "100.01", type: .bet, winnings: "250.00"),
            LedgerFixture.transaction("other"),
        ])
        try connection.pay(try connection.ordersWaiting())
        let id = group[0].id
        let first = try #require(try TransactionReversal.perform(id, reason: "a mistake", origin: origin, on: connection))
        #expect(
            first.isNew && first.wasPaid && first.entriesCount == 3 && first.amount == "-10.00" && first.reason == "a mistake")
        var again = try #require(try TransactionReversal.perform(id, reason: "another", origin: origin, on: connection))
        #expect(!again.isNew)
        again.isNew = true
        #expect(again == first)
        #expect(
            try connection.rows(
                """
                SELECT ordinal, beneficiary_id, level_distance, base_amount, rate, amount, status FROM fature_v2.commissions
                WHERE transaction_id = \(id) ORDER BY ordinal
                """) == [
                    "-3 3 3 -100.01 0.0200 -2.00 pending", "-2 4 2 -100.01 0.0300 -3.00 pending",
                    "-1 5 1 -100.01 0.0500 -5.00 pending",
                    "1 5 1 100.01 0.0500 5.00 pending", "2 4 2 100.01 0.0300 3.00 pending", "3 3 3 100.01 0.0200 2.00 pending",
                ])
        #expect(
            try connection.rows(Self.totals) == [
                "3 0 0.00 0.00 0.00 0.00 0.00 0.00 3 2.00 0.00", "4 0 0.00 0.00 0.00 0.00 0.00 0.00 3 3.00 0.00",
                "5 0 0.00 0.00 0.00 0.00 0.00 0.00 3 5.00 0.00", "900 1 100.00 0.00 0.00 0.00 0.00 100.00 0 0.00 0.00",
            ])
        #expect(
            try connection.rows(
                "SELECT actor, request_id, new_values ->> 'reason' FROM fature_v2.audit_log WHERE record_id = '\(id)'")
                == ["operator r-9 a mistake"])
        #expect(try TransactionReversal.perform(1, reason: "x", origin: origin, on: connection) == nil)
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == [])
    }

    @Test("what is reversed before its commissions are computed never gets any, also when it was dead")
    func beforePayment() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([LedgerFixture.transaction("a"), LedgerFixture.transaction("dead")])
        let orders = try connection.ordersWaiting()
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
            VALUES ('commission', '\(group[1].id)', 0, '', 'no_plan', 'no plan', 1, 0, now())
            """)
        _ = try connection.execute(
            "UPDATE fature_v2.transactions SET commission_dead = true WHERE transaction_id = \(group[1].id)")
        let dead = try #require(try StoredTransaction.find(group[1].id, on: connection))
        #expect(dead.state == .dead && dead.deadLetter?.cause == "no_plan")
        for transaction in group {
            let done = try #require(
                try TransactionReversal.perform(transaction.id, reason: "x", origin: origin, on: connection))
            #expect(!done.wasPaid && done.entriesCount == 0 && done.amount == "0.00")
            #expect(try StoredTransaction.find(transaction.id, on: connection)?.state == .reversed)
        }
        #expect(try connection.pay(orders).transactionsCount == 0)
        #expect(try connection.rows(Self.totals) == [])
        #expect(try connection.texts("SELECT state FROM fature_v2.dead_letter") == ["discarded"])
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == [])
    }

    @Test("totals are right also where an affiliate's row was missing")
    func missingTotals() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([LedgerFixture.transaction("a", type: .withdrawal)])
        try connection.pay(try connection.ordersWaiting())
        _ = try connection.execute("DELETE FROM fature_v2.affiliate_totals")
        _ = try TransactionReversal.perform(group[0].id, reason: "x", origin: origin, on: connection)
        #expect(try connection.rows(Self.totals) == ["900 -1 0.00 0.00 -100.00 0.00 0.00 0.00 0 0.00 0.00"])
    }
}
