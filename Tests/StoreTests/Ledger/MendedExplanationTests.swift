import Core
import PostgresClient
import Store
import TestServers
import Testing

@Suite struct MendedExplanationTests {
    private static func explain(_ external: String, _ connection: PostgresConnection) throws -> CommissionExplanation {
        let id = try connection.number(
            "SELECT transaction_id FROM fature_v2.transactions WHERE external_transaction_id = '\(external)'")
        return try #require(try CommissionExplanation.find(id, isExplaining: true, on: connection))
    }

    @Test(
        "whatever was mended, the levels give the entries that count, and name them",
        arguments: LedgerBreak.entries.filter { $0.left.isEmpty && !$0.sql.contains("{t5}") })
    func mended(_ damage: LedgerBreak) async throws {
        let connection = try await LedgerIntegrityTests.ledger()
        try LedgerIntegrityTests.apply(damage, to: connection)
        _ = try LedgerMender(connection, origin: StoreDatabase.origin).mend { _ in 0 }
        for external in ["t1", "t2", "t3"] {
            let explanation = try Self.explain(external, connection)
            #expect(explanation.isMatching && !explanation.isMonthCapDecisive, "\(external)")
            for level in explanation.levels ?? [] {
                guard case .paid(let payment) = level.entry.outcome else { continue }
                #expect(level.stored?.amount == payment.amount.description)
            }
            // An entry that does not count is named by no level where there is one that does.
            let named = Set(explanation.levels?.compactMap { $0.stored?.id } ?? [])
            let live = explanation.commissions.filter { $0.id.ordinal > 0 && $0.status != .cancelled }
            #expect(Set(live.map(\.id)).isSubset(of: named))
        }
    }

    @Test("an entry that stands beside the right one is told")
    func doubled() async throws {
        let connection = try await LedgerIntegrityTests.ledger()
        let damage = try #require(LedgerBreak.entries.first { $0.name == "an entry is there twice" })
        try LedgerIntegrityTests.apply(damage, to: connection)
        #expect(try !Self.explain("t1", connection).isMatching)
        #expect(try Self.explain("t2", connection).isMatching)
    }

    @Test("where a month's cap has decided, the entries are not said to be right")
    func monthCap() async throws {
        let connection = try await LedgerIntegrityTests.ledger()
        // 5 has 9.00 of 10.00 in February: 1.00 of 5.00 is left.
        try connection.commit([LedgerFixture.transaction("t6", amount: "100.00", date: 1_770_768_000_000_000)])
        let (revision, book) = try PlanStore.load(connection)
        try connection.pay(try connection.ordersWaiting(), plans: .init(revision: revision, book: book))
        let before = try Self.explain("t5", connection)
        #expect(before.isMatching && !before.isMonthCapDecisive)
        let capped = try Self.explain("t6", connection)
        #expect(capped.isMatching && capped.isMonthCapDecisive)
    }
}
