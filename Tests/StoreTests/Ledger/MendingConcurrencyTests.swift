import PostgresClient
import Store
import TestServers
import Testing

@Suite struct MendingConcurrencyTests {
    private static let damages = [
        "DELETE FROM fature_v2.commissions WHERE (transaction_id, ordinal) IN (SELECT transaction_id, ordinal FROM picked)",
        "UPDATE fature_v2.commissions SET amount = amount + 0.01 WHERE (transaction_id, ordinal) IN (SELECT transaction_id, ordinal FROM picked)",
        """
        INSERT INTO fature_v2.commissions (
            transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
        SELECT transaction_id, ordinal + 500, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version
        FROM picked
        """,
        "UPDATE fature_v2.affiliate_totals SET bets = bets + 3 WHERE affiliate_id IN (SELECT beneficiary_id FROM picked)",
        "DELETE FROM fature_v2.affiliate_totals WHERE affiliate_id IN (SELECT beneficiary_id FROM picked)",
    ]

    /// Breaks what a pending entry is about (one: it locks in nobody's order), as a program that goes around the ledger's rules.
    private static func damage(_ connection: PostgresConnection, _ random: inout SeededGenerator) throws {
        _ = try connection.execute("SET session_replication_role = replica")
        let damage = damages.randomElement(using: &random) ?? ""
        _ = try connection.execute(
            """
            WITH picked AS MATERIALIZED (
                SELECT c.* FROM fature_v2.commissions c
                WHERE c.status = 'pending' AND c.ordinal > 0 AND c.ordinal < 500
                    AND NOT EXISTS (SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = c.transaction_id)
                ORDER BY hashint8(c.transaction_id + \(Int64.random(in: 0...1_000_000, using: &random))), c.transaction_id, c.ordinal LIMIT 1
            )
            \(damage)
            """)
    }

    @Test(
        "damage is mended while others pay and reverse: in the end every entry and every sum is right, and nobody has waited for ever"
    )
    func underLoad() async throws {
        let store = try await StoreDatabase.create()
        var setUp = RandomLedger(seed: 5, on: try store.connect())
        try setUp.makePlans(3, capsMonths: false)
        try setUp.transact(200, prefix: "first")

        let (payers, reversers, operators) = (
            try store.pool(connections: 1), try store.pool(connections: 1), try store.pool(connections: 1)
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await payers.withConnection { connection in
                    var ledger = RandomLedger(seed: 6, on: connection)
                    for round in 0..<12 { try ledger.transact(100, prefix: "load\(round)-") }
                }
            }
            group.addTask {
                try await reversers.withConnection { connection in
                    for every in stride(from: 97, to: 31, by: -6) {
                        try RandomLedger(seed: 0, on: connection).reverse(every: every)
                    }
                }
            }
            group.addTask {
                try await operators.withConnection { connection in
                    var random = SeededGenerator(seed: 7)
                    for _ in 0..<8 {
                        for _ in 0..<8 { try Self.damage(connection, &random) }
                        _ = try LedgerMender(connection, origin: StoreDatabase.origin).mend { _ in 0 }
                    }
                }
            }
            try await group.waitForAll()
        }
        let connection = try store.connect()
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions WHERE commission_processed") == 1_400)
        #expect(
            try connection.number("SELECT count(*) FROM fature_v2.audit_log WHERE new_values ->> 'reason' = 'reconcile --fix'")
                > 0)
        _ = try LedgerMender(connection, origin: StoreDatabase.origin).mend { _ in 0 }
        let left = LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile())
        #expect(left == [], "\(left)")
        for pool in [payers, reversers, operators] { await pool.shutdown() }
    }
}
