import Core
import PostgresClient
import Store
import TestServers
import Testing

private let origin = ChangeOrigin(actor: "tests")

/// Rows that another program has written into the ledger.
@Suite struct ForeignRowReadsTests {
    /// A row with this external id, not adopted; returns its number, which is drawn unless it is given.
    private static func write(
        _ externalID: String, number: Int64? = nil, on connection: PostgresConnection
    ) throws -> Int64 {
        try connection.execute(
            """
            INSERT INTO fature_v2.transactions (
                transaction_id, affiliate_id, transaction_type, amount, external_transaction_id, accepted_at, transaction_date)
            VALUES (coalesce($1::bigint, nextval('fature_v2.transaction_id_seq')), 900, 'deposit', 100, $2, now() - interval '1 hour',
                now() - interval '1 hour')
            RETURNING transaction_id
            """, [.optionalInt(number), .text(externalID)]
        ).int(0, 0)
    }

    @Test("one that is reversed before anybody has adopted it keeps its external id")
    func reversed() async throws {
        let connection = try await StoreDatabase.create().connect()
        let id = try Self.write("x", on: connection)
        let done = try #require(try TransactionReversal.perform(id, reason: "r", origin: origin, on: connection))
        #expect(!done.wasPaid && done.isNew)
        #expect(try connection.rows("SELECT * FROM fature_v2.transaction_key") == ["x \(id)"])
        guard case .conflict(id: id) = try connection.commit([LedgerFixture.transaction("x", amount: "7.00")]).outcomes[0] else {
            Issue.record("the external id was free")
            return
        }
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == [])
        _ = try connection.execute("DELETE FROM fature_v2.transaction_key")
        #expect(LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()) == ["row_without_key 1 100.00"])
    }

    @Test("one whose external id was somebody's before leaves it to him")
    func taken() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([LedgerFixture.transaction("x")])
        let id = try Self.write("x", on: connection)
        #expect(try TransactionReversal.perform(id, reason: "r", origin: origin, on: connection) != nil)
        #expect(try connection.rows("SELECT * FROM fature_v2.transaction_key") == ["x \(group[0].id)"])
        try connection.pay(try connection.ordersWaiting())
        #expect(!LedgerIntegrityTests.texts(try LedgerReconciler(connection).reconcile()).contains { $0.contains("key") })
    }

    @Test("a number that stands twice is that of the worker's row to all who ask")
    func twice() async throws {
        let connection = try await StoreDatabase.create().connect()
        let (group, _) = try connection.commit([LedgerFixture.transaction("ours")])
        let id = group[0].id
        _ = try Self.write("theirs", number: id, on: connection)
        try connection.pay(try connection.ordersWaiting())
        let found = try #require(try StoredTransaction.find(id, on: connection))
        #expect(found.externalID == "ours" && found.state == .processed)
        let progress = try #require(try TransactionProgress.of(id, on: connection))
        #expect(progress.state == .processed && progress.shard == ShardID(0))
        guard case .repeated(id: id, _) = try connection.commit([LedgerFixture.transaction("ours")], isRetry: true).outcomes[0]
        else {
            Issue.record("it was compared with the other row")
            return
        }
        let done = try #require(try TransactionReversal.perform(id, reason: "r", origin: origin, on: connection))
        #expect(done.wasPaid && done.entriesCount == 3)
    }
}
