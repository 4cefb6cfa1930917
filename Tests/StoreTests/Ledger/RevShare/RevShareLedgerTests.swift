import Commission
import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct RevShareLedgerTests {
    private static let terms = RevShareFixture.Terms(rates: ["10%", "5%"], carriesLosses: true)

    private func create(
        _ terms: RevShareFixture.Terms = terms
    ) async throws -> (store: StoreDatabase, connection: PostgresConnection, book: PlanBook) {
        let (store, book) = try await RevShareFixture.create([try RevShareFixture.plan(terms)])
        return (store, try store.connect(), book)
    }

    private func bet(
        _ name: String, _ amount: String, won: String = "0.00", on date: String, upline: [Int64] = [5, 4], inactive: [Int16] = []
    ) throws -> NewTransaction {
        try LedgerFixture.transaction(
            name, amount: amount, type: .bet, winnings: won, upline: upline, inactive: inactive,
            date: RevShareFixture.moment(date))
    }

    private func refusal(_ connection: PostgresConnection, _ period: String) -> RevShareError.Code? {
        (#expect(throws: RevShareError.self) { try connection.settle(period) })?.code
    }

    private static let settlements = """
        SELECT (period_start AT TIME ZONE 'UTC')::date, beneficiary_id, ngr, carried_in, carried_out, amount
        FROM fature_v2.revshare_settlement ORDER BY period_start, beneficiary_id
        """

    @Test("a month pays each beneficiary its share with one entry, and the month after makes good what it lost first")
    func months() async throws {
        let (_, connection, book) = try await create()
        try connection.process(
            [
                bet("a", "1000.00", won: "400.00", on: "2024-01-01"),
                bet("b", "100.00", won: "300.00", on: "2024-01-31T23:59:59Z", upline: [4]),
                bet("c", "77.00", on: "2024-02-01"), bet("inactive", "10.00", on: "2024-01-05", inactive: [2]),
            ], book)
        let january = try connection.settle("2024-01")
        #expect(!january.wasSettled && january.beneficiariesNow == 2 && january.period.transactionsCount == 3)
        #expect(
            try connection.rows(Self.settlements) == [
                "2024-01-01 4 400.00 0.00 0.00 10.00", "2024-01-01 5 610.00 0.00 0.00 61.00",
            ])
        #expect(
            try connection.rows(
                """
                SELECT ordinal, beneficiary_id, source_id, level_distance, base_amount, rate, amount, currency, status, plan_version
                FROM fature_v2.commissions WHERE rule = 'revshare' ORDER BY beneficiary_id
                """) == ["1 4 4 0 400.00 0.0000 10.00 BRL pending 2", "1 5 5 0 610.00 0.0000 61.00 BRL pending 2"])
        try connection.process([bet("big win", "1.00", won: "5000.00", on: "2024-02-02")], book)
        try connection.settle("2024-02")
        try connection.process([bet("d", "9000.00", on: "2024-04-02")], book)
        try connection.settle("2024-03")
        try connection.settle("2024-04")
        #expect(
            try connection.rows(Self.settlements).suffix(6) == [
                "2024-02-01 4 -4922.00 0.00 -246.10 0.00", "2024-02-01 5 -4922.00 0.00 -492.20 0.00",
                "2024-03-01 4 0.00 -246.10 -246.10 0.00", "2024-03-01 5 0.00 -492.20 -492.20 0.00",
                "2024-04-01 4 9000.00 -246.10 0.00 203.90", "2024-04-01 5 9000.00 -492.20 0.00 407.80",
            ])
        #expect(
            try connection.rows(
                "SELECT affiliate_id, revshare_earned FROM fature_v2.affiliate_totals WHERE revshare_earned > 0 ORDER BY 1")
                == ["4 213.90", "5 468.80"])
        #expect(
            try connection.rows(
                """
                SELECT operation, actor, new_values ->> 'amount' FROM fature_v2.audit_log
                WHERE table_name = 'revshare_period' AND record_id = '2024-04-01T00:00:00Z' ORDER BY audit_id
                """) == ["insert tests -", "update tests 611.70"])
    }

    @Test("what comes late for a settled month, and what of it is reversed, counts in the next one and is told apart")
    func late() async throws {
        let (_, connection, book) = try await create()
        try connection.process([bet("a", "100.00", on: "2024-01-10"), bet("b", "50.00", on: "2024-01-11")], book)
        try connection.settle("2024-01")
        try connection.process([bet("late", "7.00", on: "2024-01-12"), bet("c", "200.00", on: "2024-02-10")], book)
        try connection.reverse("b")
        try connection.settle("2024-02")
        let february = try #require(try RevShareHistory.periods(in: RevShareFixture.name("2024-02"), on: connection).first)
        let shown = try RevShareHistory.settlements(of: february, affiliate: AffiliateID(5), limit: 10, on: connection)
        // 200 − 50 + 7, of which 10%.
        #expect(shown.map { "\($0.ngr) \($0.amount) \($0.status ?? "")" } == ["157.00 15.70 pending"])
        let level = try #require(try RevShareHistory.levels(of: february, affiliate: AffiliateID(5), on: connection).first)
        #expect(
            "\(level.sums.ggr) \(level.fromEarlier.ggr) \(level.rate) \(level.ngr) \(level.share)"
                == "157.00 -43.00 10% 157.00 15.70")
        try connection.settle("2024-03")
        #expect(
            try connection.number("SELECT count(*) FROM fature_v2.revshare_settlement WHERE period_start > '2024-02-02'") == 0)
    }

    @Test(
        "a period that goes on, one with work left, one out of turn and one without RevShare are refused, and nothing is written")
    func refusals() async throws {
        let (_, connection, book) = try await create()
        #expect(refusal(connection, "2023-12") == .noRevShare)
        #expect(refusal(connection, "2024-01-01") == .noRevShare)
        #expect(refusal(connection, "9000-01") == .notEnded)
        try connection.commit([bet("a", "100.00", on: "2024-02-10")])
        #expect(refusal(connection, "2024-02") == .unprocessed)
        #expect(refusal(connection, "2024-03") == .earlierUnsettled)
        #expect(try connection.settlementFingerprint().allSatisfy { $0.contains(" 0 ") })
        try connection.pay(connection.ordersWaiting(), plans: .init(revision: 0, book: book))
        #expect(refusal(connection, "2024-03") == .earlierUnsettled)
        try connection.settle("2024-02")
        #expect(refusal(connection, "2024-01") == .laterSettled)
        try connection.commit([bet("dead", "100.00", on: "2024-03-10")])
        _ = try connection.execute(
            "UPDATE fature_v2.transactions SET commission_dead = true WHERE external_transaction_id = 'dead'")
        #expect(
            try connection.settle("2024-03").period.transactionsCount == 0,
            "a dead letter waits for a person, not the period for it")
        #expect(refusal(connection, "2024-05") == .earlierUnsettled)
    }

    @Test("an error in the middle of a piece undoes that piece alone, and the next call goes on behind the last one")
    func brokenPiece() async throws {
        let (_, connection, book) = try await create()
        try connection.process((1...30).map { try bet("t\($0)", "100.00", on: "2024-01-10", upline: [Int64($0)]) }, book)
        try connection.executeScript(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON fature_v2.commissions FOR EACH ROW WHEN (NEW.beneficiary_id = 18) EXECUTE FUNCTION refuse()
            """)
        #expect(throws: PostgresError.self) { try connection.settle("2024-01") }
        #expect(try connection.number("SELECT max(beneficiary_id) FROM fature_v2.revshare_settlement") == 14)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.commissions WHERE rule = 'revshare'") == 14)
        #expect(try connection.number("SELECT count(*) FROM fature_v2.affiliate_totals WHERE revshare_earned = 10") == 14)
        #expect(refusal(connection, "2024-02") == .earlierUnsettled)
        // Until it is settled, what was gathered stays: a bet in between counts in the next month.
        try connection.executeScript("DROP TRIGGER refuse ON fature_v2.commissions")
        try connection.process([bet("late", "9.00", on: "2024-01-10", upline: [30])], book)
        let rehearsed = try connection.settle("2024-01", isDryRun: true)
        let resumed = try connection.settle("2024-01")
        #expect(resumed.beneficiariesNow == 16 && rehearsed.beneficiariesNow == 16)
        #expect(resumed.period.settled == rehearsed.period.settled)
        #expect("\(resumed.period.settled.amount)" == "300.00")
        #expect(try connection.settle("2024-02").period.settled.amount == Money.parse("0.90"))
    }

    @Test("a dry run changes nothing")
    func dryRun() async throws {
        let (_, connection, book) = try await create()
        try connection.process((1...30).map { try bet("t\($0)", "100.00", on: "2024-01-10", upline: [Int64($0)]) }, book)
        let before = try connection.settlementFingerprint()
        let outcome = try connection.settle("2024-01", isDryRun: true)
        #expect("\(outcome.period.settled.amount)" == "300.00" && outcome.beneficiariesNow == 30 && !outcome.wasSettled)
        #expect(try connection.settlementFingerprint() == before)
    }

    @Test("four at once settle a month once")
    func atOnce() async throws {
        let (store, connection, book) = try await create()
        try connection.process((1...200).map { try bet("t\($0)", "100.00", on: "2024-01-10", upline: [Int64($0)]) }, book)
        let pool = try store.pool(connections: 4)
        let now = try await withThrowingTaskGroup(of: Int64.self) { tasks in
            for _ in 0..<4 { tasks.addTask { try await pool.withConnection { try $0.settle("2024-01").beneficiariesNow } } }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(now.reduce(0, +) == 200)
        #expect(
            try connection.number("SELECT (sum(amount) * 100)::bigint FROM fature_v2.commissions WHERE rule = 'revshare'")
                == 200_000)
        #expect(try connection.number("SELECT (sum(revshare_earned) * 100)::bigint FROM fature_v2.affiliate_totals") == 200_000)
        #expect(try connection.number("SELECT entries_count FROM fature_v2.revshare_period") == 200)
    }

    @Test("a change from months to weeks in the middle of a month settles both parts, each transaction once")
    func cadence() async throws {
        var weekly = Self.terms
        weekly.period = .weekly
        weekly.rates = ["50%"]
        let (store, book) = try await RevShareFixture.create([
            RevShareFixture.plan(Self.terms), RevShareFixture.plan(weekly, version: 3, from: "2024-01-10T12:00:00Z"),
        ])
        let connection = try store.connect()
        try connection.process(
            [
                bet("month", "100.00", on: "2024-01-10T11:59:59Z", upline: [5]),
                bet("week", "10.00", on: "2024-01-10T12:00:00Z", upline: [5]),
                bet("next week", "20.00", on: "2024-01-15", upline: [5]),
            ], book)
        #expect(refusal(connection, "2024-01-08") == .earlierUnsettled)
        try connection.settle("2024-01")
        try connection.settle("2024-01-08")
        try connection.settle("2024-01-15")
        #expect(
            try connection.rows("SELECT amount, plan_version FROM fature_v2.revshare_settlement ORDER BY period_start") == [
                "10.00 2", "5.00 3", "10.00 3",
            ])
    }
}
