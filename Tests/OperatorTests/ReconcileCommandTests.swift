import Core
import Foundation
import JobQueue
import PostgresClient
import Testing

@Suite("fature reconcile", .serialized)
struct ReconcileCommandTests {
    /// Transaction 1, paid by the standard plan, with totals.
    private func desk() async throws -> OperatorDesk {
        let desk = try await OperatorDesk.open()
        try desk.accept(1...1)
        try desk.connect().executeScript(
            """
            UPDATE fature_v2.transactions SET commission_processed = true;
            INSERT INTO fature_v2.commissions (
                transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version)
            VALUES (1, 1, 5, 900, 1, 'percentage', 100, 0.05, 5, 'BRL', 1), (1, 2, 4, 900, 2, 'percentage', 100, 0.03, 3, 'BRL', 1),
                (1, 3, 3, 900, 3, 'percentage', 100, 0.02, 2, 'BRL', 1);
            INSERT INTO fature_v2.affiliate_totals (affiliate_id, transactions_count, deposits, lifetime_volume) VALUES (900, 1, 100, 100);
            INSERT INTO fature_v2.affiliate_totals (affiliate_id, commissions_count, commissions_earned) VALUES (5, 1, 5), (4, 1, 3), (3, 1, 2)
            """)
        return desk
    }

    @Test("a whole ledger has zero differences and exit status 0")
    func clean() async throws {
        let desk = try await desk()
        let outcome = try await desk.fature("reconcile --report ledger.json")
        #expect(outcome.status == 0 && outcome.output.hasSuffix("zero differences\n"), "\(outcome.all)")
        let report = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: "\(desk.scratch.path)/ledger.json")))
        #expect((report as? [String: Any])?["ok"] as? Bool == true)
    }

    @Test("differences are shown with exit status 1, rehearsed without a change, and mended with jobs for what is stuck")
    func fix() async throws {
        let desk = try await desk()
        try desk.accept(2...3)
        try desk.addJobs(3...3)
        try desk.connect().executeScript(
            """
            SET session_replication_role = replica;
            DELETE FROM fature_v2.commissions WHERE ordinal = 2;
            UPDATE fature_v2.commissions SET amount = 7 WHERE ordinal = 1;
            UPDATE fature_v2.affiliate_totals SET bets = 1 WHERE affiliate_id = 3
            """)
        let found = try await desk.fature("reconcile --json")
        #expect(found.status == 1, "\(found.all)")
        let checks = try #require(try found.json["checks"] as? [[String: Any]])
        let counts = checks.filter { $0["count"] as? Int != 0 }.map {
            "\($0["check"] ?? "") \($0["count"] ?? "") \($0["amount"] ?? "")"
        }
        #expect(Set(counts) == ["lost 1 3.00", "wrong_amount 1 2.00", "stuck 2 200.00", "wrong_totals 4 6.00"])
        let lost = try #require(checks.first { $0["check"] as? String == "lost" }?["examples"] as? [[String: String]])
        #expect(lost == [["what": "transaction 1 percentage at level distance 2", "expected": "3.00 to 4", "found": "no entry"]])
        let table = try await desk.fature("reconcile")
        #expect(table.status == 1 && table.output.hasSuffix("8 DIFFERENCES\n"), "\(table.all)")

        let before = try desk.texts("SELECT c::text FROM fature_v2.commissions c ORDER BY 1")
        let rehearsal = try await desk.fature("reconcile --fix --dry-run")
        #expect(rehearsal.status == 1 && rehearsal.output.contains("--fix would do:"), "\(rehearsal.all)")
        #expect(rehearsal.output.contains("transaction 1 ordinal 4001: 5.00 to 5, in place of 1"))
        #expect(try desk.texts("SELECT c::text FROM fature_v2.commissions c ORDER BY 1") == before)

        let mended = try await desk.fature("reconcile --fix --json")
        #expect(mended.status == 1, "what waits for its job's payment is stuck still\n\(mended.all)")
        let left = try #require(try mended.json["checks"] as? [[String: Any]]).filter { $0["count"] as? Int != 0 }
        #expect(left.map { $0["check"] as? String } == ["stuck"])
        let actions = try #require(try mended.json["actions"] as? [[String: Any]])
        #expect(
            actions.filter { $0["count"] as? Int != 0 }.map { "\($0["action"] ?? "") \($0["count"] ?? "")" } == [
                "cancel 1", "insert 2", "totals 3", "add_jobs 2",
            ])
        #expect(try desk.stats().waiting == 3, "transaction 3 had a job that is younger, as far as anybody can tell")
        #expect(try desk.queue().find(JobID(2), in: ShardID(7)) != nil)
        #expect(
            try desk.texts("SELECT count(*) FROM fature_v2.audit_log WHERE new_values ->> 'reason' = 'reconcile --fix'") == ["7"])
    }

    @Test("a time alone leaves the sums out and says so")
    func range() async throws {
        let desk = try await desk()
        try desk.connect().executeScript("UPDATE fature_v2.affiliate_totals SET bets = 1 WHERE affiliate_id = 3")
        #expect(try await desk.fature("reconcile").status == 1)
        let part = try await desk.fature("reconcile --from 2020-01-01 --json")
        #expect(part.status == 0, "\(part.all)")
        #expect(try part.json["transactions"] as? Int == 1)
        #expect(try (part.json["not_checked"] as? [String])?.contains("wrong_totals") == true)
        #expect(try await desk.fature("reconcile --to 2020-01-01 --json").json["transactions"] as? Int == 0)
    }

    @Test("bad flags and missing servers are one line and their own exit status")
    func refusals() async throws {
        let desk = try await desk()
        #expect(try await desk.fature("reconcile --dry-run").status == 64)
        #expect(try await desk.fature("reconcile --from yesterday").status == 64)
        #expect(try await desk.fature("reconcile --stuck-after-seconds -1").status == 64)
        #expect(try await desk.fature("reconcile --report /nowhere/at/all.json").status == 73)
        let away = try await desk.fature(["reconcile"], environment: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
        #expect(away.status == 69 && away.errors.split(separator: "\n").count == 1, "\(away.all)")
        let unnamed = try await desk.fature(["reconcile"], environment: [:])
        #expect(unnamed.status == 3 && unnamed.errors.split(separator: "\n").count == 1, "\(unnamed.all)")
        _ = try desk.connect().execute("SELECT 1")
        let lock = try desk.connect()
        _ = try lock.execute("SELECT pg_advisory_lock(hashtextextended('fature_v2.reconcile', 0))")
        let busy = try await desk.fature("reconcile --fix")
        #expect(busy.status == 75, "\(busy.all)")
    }
}
