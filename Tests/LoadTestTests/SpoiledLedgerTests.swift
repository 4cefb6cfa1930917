import ClusterSupport
import Foundation
import LoadRecord
import TestServers
import Testing

@Suite("fature loadtest run finds what is wrong in the ledger", .serialized)
struct SpoiledLedgerTests {
    /// Waits until four transactions have been paid, and spoils each in another way, past all checks of the database's.
    private static let spoiling = """
        SET session_replication_role = replica;
        DO $$
        DECLARE
            paid bigint[];
        BEGIN
            FOR attempt IN 1..200 LOOP
                SELECT array_agg(transaction_id) INTO paid FROM (
                    SELECT transaction_id FROM fature_v2.commissions WHERE ordinal = 1 ORDER BY transaction_id LIMIT 4
                ) AS c;
                EXIT WHEN cardinality(paid) = 4;
                PERFORM pg_sleep(0.05);
            END LOOP;
            DELETE FROM fature_v2.commissions WHERE transaction_id = paid[1] AND ordinal = 1;
            UPDATE fature_v2.commissions SET amount = amount + 0.01 WHERE transaction_id = paid[2] AND ordinal = 1;
            INSERT INTO fature_v2.commissions (
                transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
            SELECT transaction_id, 1000, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version
            FROM fature_v2.commissions WHERE transaction_id = paid[3] AND ordinal = 1;
            DELETE FROM fature_v2.commissions WHERE transaction_id = paid[4];
            DELETE FROM fature_v2.transaction_key WHERE transaction_id = paid[4];
            DELETE FROM fature_v2.transactions WHERE transaction_id = paid[4];
        END $$;
        """

    @Test(
        "a deleted, a changed and a doubled commission and a deleted transaction are lost, wrong, doubled and lost: exit status 1"
    )
    func spoiled() async throws {
        let desk = try await LoadTestDesk.open()
        try Self.spoiling.write(toFile: desk.path("spoil.sql"), atomically: true, encoding: .utf8)
        var scenario = Scenario()
        scenario.events = [
            (
                "1s", "somebody spoils the ledger",
                ["sh", "-c", "psql \"$DATABASE_URL\" -q -v ON_ERROR_STOP=1 -f '\(desk.path("spoil.sql"))'"]
            )
        ]
        let run = try await TestCluster.blocking { [scenario] in try desk.run(scenario) }
        #expect(run.status == 1, "\(run.text)\(run.remarks)")
        let record = try desk.record()
        #expect(record.events.first?.exitStatus == 0, "\(run.remarks)")
        let ledger = try #require(record.ledger)
        #expect(ledger.lost == 2 && ledger.wrong == 1 && ledger.doubled == 1, "\(ledger)")
        #expect(run.text.contains("lost 2, doubled 1, wrong 1"), "\(run.text)")
        let missed = RunJudgement(record).objectives.filter { $0.state == .missed }.map(\.objective)
        #expect(missed == ["lost==0", "doubled==0", "wrong==0"])
        for words in ["answered as accepted and are not in the ledger", "lost: 1", "doubled: 1", "wrong_amount: 1"] {
            #expect(ledger.examples.contains { $0.contains(words) }, "\(words): \(ledger.examples)")
        }
    }

    @Test("what is accepted and not paid in time is lost, each transaction once")
    func unpaid() async throws {
        let desk = try await LoadTestDesk.open()
        let (pause, run) = try await TestCluster.blocking {
            let pause = try desk.cluster.run("queue", "pause", "--reason", "a test")
            return (pause, try desk.run(Scenario(length: "1s"), ["--drain-seconds", "0"]))
        }
        #expect(pause.status == 0, "\(pause.remarks)")
        #expect(run.status == 1, "\(run.text)\(run.remarks)")
        let ledger = try #require(try desk.record().ledger)
        #expect(ledger.accepted > 0 && ledger.lost == ledger.accepted, "\(ledger)")
        #expect(ledger.doubled == 0 && ledger.wrong == 0, "\(ledger)")
    }
}
