import PostgresClient
import Store
import Testing

@Suite struct TransactionPartitionTests {
    @Test("months of transactions are made ahead once, and take over what the default partition caught for them")
    func partitions() async throws {
        let connection = try await StoreDatabase.create().connect()
        #expect(try TransactionPartitions.make(on: connection) == 0)
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (transaction_id, accepted_at, affiliate_id, transaction_type, amount, external_transaction_id)
            SELECT m + 1, now() + make_interval(months => m), 1, 'bet', 1, 'e' || m FROM generate_series(0, 6) AS m
            """)
        let caught = "SELECT transaction_id FROM fature_v2.transactions_default ORDER BY 1"
        #expect(try connection.texts(caught) == ["5", "6", "7"])
        #expect(try TransactionPartitions.make(monthsAhead: 5, on: connection) == 2)
        #expect(try connection.texts(caught) == ["7"])
        #expect(try connection.number("SELECT count(*) FROM fature_v2.transactions") == 7)
        #expect(throws: PostgresError.self) { try TransactionPartitions.make(monthsAhead: 121, on: connection) }
    }
}
