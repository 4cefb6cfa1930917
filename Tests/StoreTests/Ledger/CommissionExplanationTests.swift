import Commission
import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct CommissionExplanationTests {
    private static func explain(_ id: Int64, _ connection: PostgresConnection) throws -> CommissionExplanation {
        try #require(try CommissionExplanation.find(id, isExplaining: true, on: connection))
    }

    @Test("under plans that use everything, each transaction's levels give exactly its entries, also when they were taken back")
    func matching() async throws {
        let connection = try await StoreDatabase.create().connect()
        var ledger = RandomLedger(seed: 91, on: connection)
        try ledger.makePlans(4, capsMonths: true)
        try ledger.transact(400)
        try ledger.reverse(every: 9)
        var reasons: Set<UnpaidReason> = []
        var rules: Set<String> = []
        var isCapped = false
        for line in try connection.rows("SELECT transaction_id FROM fature_v2.transactions") {
            let explanation = try Self.explain(try #require(Int64(line)), connection)
            #expect(explanation.isMatching, "\(line)")
            #expect(explanation.plan != nil)
            let levels = try #require(explanation.levels)
            let upline = explanation.transaction.upline ?? []
            #expect(Set(levels.map(\.entry.beneficiary.rawValue)) == Set(upline))
            var stored = explanation.commissions.filter { $0.id.ordinal > 0 }.map { "\($0.id) \($0.amount)" }
            for level in levels {
                switch level.entry.outcome {
                case .unpaid(let reason):
                    reasons.insert(reason)
                    #expect(level.stored == nil)
                case .paid(let payment):
                    rules.insert("\(payment.rule.name)")
                    if payment.amount < level.entry.amountBeforeCap { isCapped = true }
                    let commission = try #require(level.stored)
                    #expect(commission.amount == payment.amount.description)
                    stored.removeAll { $0 == "\(commission.id) \(commission.amount)" }
                }
            }
            #expect(stored == [])
        }
        #expect(reasons == Set(UnpaidReason.allCases) && rules == ["percentage", "cpa"] && isCapped)
    }

    @Test("an entry that no level gives, and a level whose entry is missing, are told")
    func differences() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([
            LedgerFixture.transaction("a", upline: [5, 4]), LedgerFixture.transaction("b", upline: [5, 4]),
        ])
        try connection.pay(try connection.ordersWaiting())
        #expect(try Self.explain(group[0].id, connection).isMatching && Self.explain(group[1].id, connection).isMatching)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commissions (
                transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
            VALUES ($1, 3, 3, 900, 3, 'percentage', 1, 0.02, 0.02, 'BRL', 1)
            """, [.int(group[0].id)])
        #expect(try !Self.explain(group[0].id, connection).isMatching)
        try connection.executeScript(
            """
            BEGIN; SET LOCAL session_replication_role = replica;
            DELETE FROM fature_v2.commissions WHERE transaction_id = \(group[1].id) AND ordinal = 2; COMMIT
            """)
        let missing = try Self.explain(group[1].id, connection)
        #expect(!missing.isMatching && missing.levels?.map { $0.stored != nil } == [true, false])
        #expect(try CommissionExplanation.find(group[1].id, isExplaining: false, on: connection)?.levels == nil)
        #expect(try CommissionExplanation.find(1, isExplaining: true, on: connection) == nil)
    }
}
