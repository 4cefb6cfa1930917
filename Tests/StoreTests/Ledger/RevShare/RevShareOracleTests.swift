import Commission
import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct RevShareOracleTests {
    private static let months = ["2024-01", "2024-02", "2024-03", "2024-04"]

    /// Transactions of many sources below 60 beneficiaries, dated at random between two days.
    private static func random(
        _ count: Int, _ label: String, from: String, to: String, using generator: inout SeededGenerator
    ) throws -> [NewTransaction] {
        let dates = try RevShareFixture.moment(from)..<RevShareFixture.moment(to)
        return try (0..<count).map { number in
            let depth = Int.random(in: 0...6, using: &generator)
            let first = Int64.random(in: 1...54, using: &generator)
            let type =
                [TransactionType.bet, .bet, .bet, .bet, .deposit, .bonus, .withdrawal].randomElement(using: &generator) ?? .bet
            let cents = Int64.random(in: 1...100_000, using: &generator)
            var transaction = try LedgerFixture.transaction(
                "\(label)-\(number)", of: Int64.random(in: 100...180, using: &generator), type: type, shard: number % 3,
                upline: (0..<Int64(depth)).map { first + $0 },
                inactive: (0..<depth).map { Int16($0 + 1) }.filter { _ in Int.random(in: 0..<4, using: &generator) == 0 },
                date: Int64.random(in: dates, using: &generator),
                isEligible: Int.random(in: 0..<10, using: &generator) == 0 ? false : nil)
            transaction.amount = Money(minorUnits: cents)
            if type == .bet { transaction.winnings = Money(minorUnits: Int64.random(in: 0...cents * 5 / 4, using: &generator)) }
            return transaction
        }
    }

    @Test(
        "four months of random transactions, with late and reversed ones, are settled as PostgreSQL's numeric says, interrupted or not",
        arguments: [
            RevShareFixture.Terms(),
            .init(ggrFee: "12%", depositFee: "1.5%", deductsBonuses: true, carriesLosses: true),
            .init(ggrFee: "7.77%", deductsBonuses: true, compresses: true, roundsToEven: true),
            .init(rates: ["25%"], depositFee: "3.33%", carriesLosses: true, compresses: true),
        ])
    func oracle(terms: RevShareFixture.Terms) async throws {
        let (store, book) = try await RevShareFixture.create([try RevShareFixture.plan(terms)])
        var connection = try store.connect()
        let oracle = RevShareOracle(terms: terms)
        try oracle.create(on: connection)
        var generator = SeededGenerator(seed: 71)
        // Months before the plan with RevShare count nowhere.
        try connection.process(Self.random(100, "before", from: "2023-11-01", to: "2024-01-01", using: &generator), book)
        for (index, month) in Self.months.enumerated() {
            // Less and less, so that some only carry a loss on; and what comes late for the months before.
            let next = index < 3 ? Self.months[index + 1] : "2024-05"
            try connection.process(
                Self.random(600 / (index + 1), month, from: "\(month)-01", to: "\(next)-01", using: &generator), book)
            if index > 0 {
                try connection.process(
                    Self.random(40, "late-\(month)", from: "2024-01-01", to: "\(month)-01", using: &generator), book)
                for number in 0..<40 { try connection.reverse("\(Self.months[index - 1])-\(number)") }
            }
            try oracle.settle(month, previous: index > 0 ? Self.months[index - 1] : nil, on: connection)
            let rehearsed = try connection.settle(month, isDryRun: true)
            if index % 2 == 0 {
                try connection.settle(month)
            } else {
                // The server loses the session after each second piece.
                var attempts = 0
                var isDone = false
                while !isDone, attempts < 50 {
                    attempts += 1
                    let killer = try store.connect()
                    let victim = connection
                    var pieces = 0
                    do {
                        try victim.settle(month) { _ in
                            pieces += 1
                            if pieces == 2 { _ = try killer.execute("SELECT pg_terminate_backend(\(victim.serverPID))") }
                        }
                        isDone = true
                    } catch let error as PostgresError {
                        #expect(error.isConnectionFailure)
                        connection = try store.connect()
                    }
                }
                #expect(isDone && attempts > 2)
            }
            #expect(try oracle.differences(on: connection) == [])
            let settled = try connection.settle(month)
            #expect(settled.wasSettled)
            #expect(settled.period.settled == rehearsed.period.settled)
            #expect(settled.period.transactionsCount == rehearsed.period.transactionsCount)
        }
        #expect(try connection.number("SELECT count(*) FROM fature_v2.commissions WHERE rule = 'revshare'") > 60)
        #expect(
            try connection.number("SELECT count(*) FROM fature_v2.revshare_sum WHERE dated_in < period_start") > 60,
            "late and reversed transactions have to play a part")
        let reconciled = try LedgerReconciler(connection).reconcile()
        #expect(reconciled.findings.filter { $0.count > 0 }.map(\.check) == [])
        if terms.carriesLosses {
            #expect(try connection.number("SELECT count(*) FROM fature_v2.revshare_settlement WHERE carried_in < 0") > 10)
        }
    }
}
