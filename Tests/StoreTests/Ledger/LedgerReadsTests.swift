import Core
import PostgresClient
import Store
import TestServers
import Testing

private let origin = ChangeOrigin(actor: "tests")

@Suite struct LedgerReadsTests {
    private static func ledger(seed: UInt64) async throws -> PostgresConnection {
        let connection = try await StoreDatabase.create().connect()
        var ledger = RandomLedger(seed: seed, on: connection)
        try ledger.makePlans(2, capsMonths: true)
        try ledger.transact(150)
        var generator = SeededGenerator(seed: seed)
        let model = try LedgerModel(connection)
        for status in [CommissionStatus.cancelled, .approved, .disputed, .approved, .paid] {
            let chosen = model.entries.keys.filter { _ in Int.random(in: 0..<4, using: &generator) == 0 }
            _ = try CommissionDecisions.decide(
                .init(status: status, reason: "r", origin: origin), about: Array(chosen.prefix(1000)), on: connection)
        }
        try ledger.reverse(every: 7)
        return connection
    }

    @Test("pages of any size, by any filter, hold what SQL says in the same order, with totals over the whole filter")
    func pages() async throws {
        let connection = try await Self.ledger(seed: 5)
        var generator = SeededGenerator(seed: 6)
        let moments = Set(try LedgerModel.read(connection).values.map(\.createdAt)).sorted()
        for beneficiary in RandomLedger.affiliates {
            let filter = CommissionPages.Filter(
                beneficiary: AffiliateID(beneficiary),
                status: Int.random(in: 0..<3, using: &generator) == 0
                    ? nil : CommissionStatus.allCases.randomElement(using: &generator),
                from: Bool.random(using: &generator) ? moments.randomElement(using: &generator) : nil,
                to: Bool.random(using: &generator) ? moments.randomElement(using: &generator) : nil)
            let condition = """
                beneficiary_id = \(beneficiary) \(filter.status.map { "AND status = '\($0.name)'" } ?? "")
                \(filter.from.map { "AND created_at >= timestamptz 'epoch' + \($0) * interval '1 microsecond'" } ?? "")
                \(filter.to.map { "AND created_at < timestamptz 'epoch' + \($0) * interval '1 microsecond'" } ?? "")
                """
            let wanted = try connection.rows(
                """
                SELECT transaction_id || '-' || ordinal, amount, status FROM fature_v2.commissions WHERE \(condition)
                ORDER BY created_at DESC, transaction_id DESC, ordinal DESC
                """)
            let totals = try connection.rows(
                """
                SELECT count(*), coalesce(sum(amount), 0.00) FROM fature_v2.commissions
                WHERE \(condition) \(filter.status == .cancelled ? "" : "AND status <> 'cancelled'")
                """)
            let limit = Int.random(in: 1...15, using: &generator)
            var found: [String] = []
            var cursor: CommissionPages.Cursor?
            repeat {
                let page = try #require(try CommissionPages.page(filter, limit: limit, after: cursor, on: connection))
                #expect(page.commissions.count <= limit)
                #expect(["\(page.totals.count) \(page.totals.amount)"] == totals)
                found += page.commissions.map { "\($0.id) \($0.amount) \($0.status.name)" }
                cursor = page.next
            } while cursor != nil && found.count <= wanted.count
            #expect(found == wanted, "\(filter)")
        }
        #expect(try CommissionPages.page(.init(beneficiary: AffiliateID(999_999)), limit: 5, on: connection) == nil)
    }

    @Test("a transaction is read with all it has, and its entries in their order")
    func transaction() async throws {
        let connection = try await StoreDatabase.create().connect()
        var item = try LedgerFixture.transaction(
            "x", amount: "9999999999999.99", type: .bet, winnings: "0.01", upline: [5, 4], inactive: [2],
            date: 1_769_850_000_000_001)
        item.metadata = #"{"game": "é"}"#
        let (group, outcomes) = try connection.commit([item, LedgerFixture.transaction("y", type: .bonus, isEligible: nil)])
        guard case .accepted(let acceptedAt) = outcomes[0] else {
            Issue.record("\(outcomes)")
            return
        }
        let found = try #require(try StoredTransaction.find(group[0].id, on: connection))
        #expect(found.externalID == "x" && found.affiliate == 900 && found.type == .bet && found.amount == "9999999999999.99")
        #expect(found.winnings == "0.01" && found.currency == "BRL" && found.date == 1_769_850_000_000_001)
        #expect(found.acceptedAt == acceptedAt && found.isEligible && found.metadata == #"{"game": "é"}"#)
        #expect(found.upline == [5, 4] && found.inactiveDistances == [2] && found.state == .accepted && found.reversal == nil)
        #expect(try StoredTransaction.find(group[1].id, on: connection)?.isEligible == false)
        #expect(try StoredTransaction.find(1, on: connection) == nil)
        try connection.pay(try connection.ordersWaiting())
        #expect(try StoredTransaction.find(group[0].id, on: connection)?.state == .processed)
        _ = try TransactionReversal.perform(group[0].id, reason: "why", origin: origin, on: connection)
        let reversed = try #require(try StoredTransaction.find(group[0].id, on: connection))
        #expect(reversed.state == .reversed && reversed.reversal?.reason == "why" && reversed.reversal?.wasPaid == true)
        let entries = try StoredCommission.ofTransaction(group[0].id, on: connection)
        #expect(entries.map(\.id.ordinal) == [1, -1])
        #expect(entries.map(\.amount) == ["500000000000.00", "-500000000000.00"])
        #expect(entries[0].rate == "0.0500" && entries[0].status == .pending && entries[0].planVersion == 1)
    }

    @Test("totals and rankings are those of the tables, also for who has none")
    func totals() async throws {
        let connection = try await Self.ledger(seed: 8)
        for id in RandomLedger.affiliates {
            let totals = try #require(try AffiliateTotals.find(AffiliateID(id), on: connection))
            let text = ([totals.transactionsCount, totals.commissionsCount].map { "\($0)" } + totals.amounts.map(\.amount))
                .joined(separator: " ")
            let columns = totals.amounts.map { "\($0.name)" }.joined(separator: ", ")
            let wanted = try connection.rows(
                "SELECT transactions_count, commissions_count, \(columns) FROM fature_v2.affiliate_totals WHERE affiliate_id = \(id)"
            )
            #expect(wanted == [text])
        }
        _ = try connection.execute("DELETE FROM fature_v2.affiliate_totals WHERE affiliate_id = 7")
        #expect(try AffiliateTotals.find(AffiliateID(7), on: connection)?.amounts.allSatisfy { $0.amount == "0.00" } == true)
        #expect(try AffiliateTotals.find(AffiliateID(7777), on: connection) == nil)
        // Text order would put 9.00 before 10.00.
        _ = try connection.execute(
            "UPDATE fature_v2.affiliate_totals SET lifetime_volume = (affiliate_id % 13)::numeric, commissions_earned = 20 - affiliate_id"
        )
        for (metric, column) in [(TotalsMetric.volume, "lifetime_volume"), (.commissions, "commissions_earned")] {
            let lines = try LedgerRanking.top(metric, on: connection).map { "\($0.affiliate) \($0.value)" }
            #expect(
                try lines
                    == connection.rows(
                        """
                        SELECT t.affiliate_id, t.\(column) FROM fature_v2.affiliate_totals t WHERE t.\(column) > 0
                        ORDER BY t.\(column) DESC, t.affiliate_id
                        """))
            #expect(lines.count > 10)
        }
    }
}
