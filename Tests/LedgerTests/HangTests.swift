import ClusterSupport
import Core
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct HangTests {
        @Test("a transaction whose payment hangs holds up no other, and is paid once it can be")
        func heldRow() async throws {
            let seed = Chaos.seed("a payment that hangs")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                try trial.awaitFlow()
                let affiliate = try #require(trial.affiliates.first)
                var others: Set<String> = []
                // A row that another program wrote: its job comes only when it is some seconds old, so there is time to take hold of it.
                func hold(_ externalID: String) throws -> PostgresConnection? {
                    _ = try connection.execute(
                        """
                        INSERT INTO fature_v2.transactions (affiliate_id, transaction_type, amount, external_transaction_id)
                        VALUES ($1, 'deposit', 100.50, $2)
                        """, [.int(affiliate), .text(externalID)])
                    others.insert(externalID)
                    try TestCluster.wait("the row is adopted") {
                        try connection.execute(
                            "SELECT shard_id FROM fature_v2.transactions WHERE external_transaction_id = $1", [.text(externalID)]
                        ).isNull(0, 0) == false
                    }
                    let holder = try trial.cluster.connect()
                    try holder.executeScript("BEGIN")
                    let held = try holder.execute(
                        "SELECT 1 FROM fature_v2.transactions WHERE external_transaction_id = $1 AND NOT commission_processed FOR UPDATE",
                        [.text(externalID)])
                    return held.rowCount == 1 ? holder : nil
                }
                var holder: PostgresConnection?
                for attempt in 0..<5 where holder == nil { holder = try hold("held-\(attempt)") }
                let held = try #require(holder)
                try TestCluster.wait("somebody waits for the row", seconds: 30) {
                    try connection.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE fature_v2.transactions%'"
                    ).rowCount > 0
                }
                // Everything else is paid while it is held: what is accepted from now on, too.
                let last = try connection.execute("SELECT max(transaction_id) FROM fature_v2.transactions").int(0, 0)
                try trial.awaitFlow(300)
                try TestCluster.wait("all others are paid", seconds: 60) {
                    try connection.execute(
                        "SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed AND transaction_id <= $1",
                        [.int(last)]
                    ).int(0, 0) <= 1
                }
                #expect(try trial.unpaidCount(connection) > 0)
                try held.executeScript("ROLLBACK")
                try trial.settle("a payment that hangs", others: others)
                #expect(try connection.execute("SELECT 1 FROM fature_v2.dead_letter").rowCount == 0)
            }
        }
    }
}
