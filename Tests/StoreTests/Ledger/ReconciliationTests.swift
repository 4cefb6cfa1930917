import PostgresClient
import Store
import Testing

@Suite struct ReconciliationTests {
    @Test(
        "what is paid under random plans, with all their rules and caps, is to the cent what the oracle says",
        arguments: [1, 2, 3, 4] as [UInt64])
    func oracle(seed: UInt64) async throws {
        let connection = try await StoreDatabase.create().connect()
        var ledger = RandomLedger(seed: seed, on: connection)
        try ledger.makePlans(4, capsMonths: seed % 2 == 0)
        try ledger.transact(1_500)
        try ledger.reverse(every: 9)
        let report = try LedgerReconciler(connection).reconcile()
        #expect(report.findings.filter { $0.count > 0 } == [])
        #expect(report.transactions == 1_500 && report.processed == 1_500)
        #expect(report.entries > 300)
        #expect(try connection.number("SELECT count(DISTINCT plan_version) FROM fature_v2.commissions") == 4)
    }
}
