import Commission
import Core
import PostgresClient
import Store
import Testing

/// A way to break a ledger, and what has to be found then.
struct LedgerBreak: Sendable, CustomTestStringConvertible {
    let name: String
    /// `{t1}` stands for the number of the transaction with that external id.
    let sql: String
    /// Check, count and amount of each finding.
    let found: [String]
    /// What is still found after `--fix`.
    var left: [String] = []

    var testDescription: String { name }

    private static func copy(of external: String, ordinal: Int, set values: String = "") -> String {
        var columns = [
            "beneficiary_id", "source_id", "level_distance", "rule", "base_amount", "rate", "amount", "currency", "plan_version",
            "status",
        ].map { ($0, $0) }
        for value in values.split(separator: ";") {
            let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
            columns = columns.map { $0.0 == parts[0] ? (parts[0], parts[1]) : $0 }
        }
        return """
            INSERT INTO fature_v2.commissions (transaction_id, ordinal, \(columns.map(\.0).joined(separator: ", ")))
            SELECT transaction_id, \(ordinal), \(columns.map(\.1).joined(separator: ", ")) FROM fature_v2.commissions
            WHERE transaction_id = {\(external)} AND ordinal = 1
            """
    }

    private static func change(_ set: String, of external: String = "t1", ordinal: Int = 1) -> String {
        "UPDATE fature_v2.commissions SET \(set) WHERE transaction_id = {\(external)} AND ordinal = \(ordinal)"
    }

    private static func row(_ more: String, _ values: String, number: String = "777") -> String {
        """
        INSERT INTO fature_v2.transactions (transaction_id, affiliate_id, transaction_type, amount, external_transaction_id, \(more))
        VALUES (\(number), 900, 'deposit', 10, 'x', \(values))
        """
    }

    static let entries: [LedgerBreak] = [
        .init(
            name: "an entry is gone", sql: "DELETE FROM fature_v2.commissions WHERE transaction_id = {t1} AND ordinal = 2",
            found: ["lost 1 3.00", "wrong_totals 2 3.00"]),
        .init(
            name: "all entries of a transaction are gone", sql: "DELETE FROM fature_v2.commissions WHERE transaction_id = {t2}",
            found: ["lost 3 5.00", "wrong_totals 6 5.00"]),
        .init(
            name: "an entry and its reversal are gone",
            sql: "DELETE FROM fature_v2.commissions WHERE transaction_id = {t3} AND abs(ordinal) = 1",
            found: ["lost 1 5.00", "wrong_totals 1 0.00"]),
        .init(
            name: "an entry is there twice", sql: copy(of: "t1", ordinal: 77), found: ["doubled 1 5.00", "wrong_totals 2 5.00"]),
        .init(
            name: "an entry is there twice, and the first has another amount",
            sql: copy(of: "t1", ordinal: 77) + ";" + change("amount = 4.00"), found: ["doubled 1 4.00", "wrong_totals 2 4.00"]),
        .init(
            name: "an entry that is paid is there twice", sql: copy(of: "t1", ordinal: 77, set: "status='paid'"),
            found: ["doubled 1 5.00", "wrong_totals 3 10.00"], left: ["doubled 1 5.00"]),
        .init(
            name: "an entry beyond the plan", sql: copy(of: "t1", ordinal: 6, set: "level_distance=6;beneficiary_id=8"),
            found: ["unexpected 1 5.00", "wrong_totals 2 5.00"]),
        .init(
            name: "an entry without its transaction",
            sql: "UPDATE fature_v2.commissions SET transaction_id = 5000000 WHERE transaction_id = {t2} AND ordinal = 1",
            found: ["lost 1 2.50", "orphan 1 2.50"]),
        .init(
            name: "an entry of a settlement that there is not",
            sql: copy(of: "t1", ordinal: 9, set: "rule='revshare';level_distance=0").replacing(
                "SELECT transaction_id", with: "SELECT 6000000"),
            found: ["orphan 1 5.00", "wrong_totals 3 10.00"], left: ["orphan 1 5.00"]),
        .init(name: "another amount", sql: change("amount = 5.01"), found: ["wrong_amount 1 0.01", "wrong_totals 1 0.01"]),
        .init(name: "another base", sql: change("base_amount = 101"), found: ["wrong_base 1 5.00"]),
        .init(name: "another rate", sql: change("rate = 0.0501"), found: ["wrong_rate 1 5.00"]),
        .init(
            name: "another beneficiary", sql: change("beneficiary_id = 77"),
            found: ["wrong_beneficiary 1 5.00", "wrong_totals 4 10.00"]),
        .init(name: "another source", sql: change("source_id = 901"), found: ["wrong_origin 1 5.00"]),
        .init(name: "another plan version", sql: change("plan_version = 2"), found: ["wrong_origin 1 5.00"]),
        .init(
            name: "another amount of an approved entry", sql: change("amount = 5.01, status = 'approved'"),
            found: ["wrong_amount 1 0.01", "wrong_totals 1 0.01"], left: ["wrong_amount 1 0.01"]),
        .init(
            name: "another amount in a transaction that is reversed", sql: change("amount = 9.00", of: "t3"),
            found: ["wrong_amount 1 4.00", "wrong_reversal 1 4.00", "wrong_totals 1 4.00"]),
        .init(
            name: "a reversal is gone", sql: "DELETE FROM fature_v2.commissions WHERE transaction_id = {t3} AND ordinal = -2",
            found: ["wrong_reversal 1 3.00", "wrong_totals 2 3.00"]),
        .init(
            name: "a reversal of another amount", sql: change("amount = -2.99", of: "t3", ordinal: -2),
            found: ["wrong_reversal 1 0.01", "wrong_totals 1 0.01"]),
        .init(
            name: "a reversal of what is not reversed",
            sql: copy(of: "t1", ordinal: -1, set: "amount=-amount;base_amount=-base_amount"),
            found: ["wrong_reversal 1 5.00", "wrong_totals 2 5.00"]),
        .init(
            name: "only the entry of a reversed transaction is cancelled", sql: change("status = 'cancelled'", of: "t3"),
            found: ["wrong_reversal 1 5.00", "wrong_totals 2 5.00"]),
    ]

    static let others: [LedgerBreak] = [
        .init(
            name: "a transaction waits for too long",
            sql: row("accepted_at, shard_id, upline", "now() - interval '6 minutes', 0, '{}'")
                + "; INSERT INTO fature_v2.transaction_key VALUES ('x', 777)", found: ["stuck 1 10.00"], left: ["stuck 1 10.00"]),
        .init(
            name: "a row of another program waits for too long",
            sql: row("accepted_at", "now() - interval '6 minutes'", number: "nextval('fature_v2.transaction_id_seq')"),
            found: ["stuck 1 10.00"], left: ["stuck 1 10.00"]),
        .init(
            name: "another program says that its row is processed", sql: row("commission_processed", "true"),
            found: ["no_upline 1 10.00", "wrong_totals 3 20.00"], left: ["no_upline 1 10.00"]),
        .init(
            name: "a dead letter waits",
            sql: """
                \(row("shard_id, upline, commission_dead", "0, '{}', true"));
                INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
                VALUES ('commission', '777', 0, '', 'poison', 'e', 1, 0, now())
                """, found: ["dead 1 10.00"], left: ["dead 1 10.00"]),
        .init(
            name: "a transaction is dead and nobody knows why", sql: row("shard_id, upline, commission_dead", "0, '{}', true"),
            found: ["dead_without_letter 1 10.00"], left: ["dead_without_letter 1 10.00"]),
        .init(
            name: "a letter of a transaction that is paid",
            sql: """
                INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
                VALUES ('commission', {t1}::text, 0, '', 'poison', 'e', 1, 0, now())
                """, found: ["letter_without_dead 1 0.00"], left: ["letter_without_dead 1 0.00"]),
        .init(
            name: "an external id was accepted twice",
            sql: "UPDATE fature_v2.transactions SET external_transaction_id = 't1' WHERE transaction_id = {t2}",
            found: ["duplicate_external_id 1 50.00", "key_without_row 1 0.00", "row_without_key 1 50.00"],
            left: ["duplicate_external_id 1 50.00", "key_without_row 1 0.00", "row_without_key 1 50.00"]),
        .init(
            name: "a key is gone", sql: "DELETE FROM fature_v2.transaction_key WHERE external_transaction_id = 't1'",
            found: ["row_without_key 1 100.00"], left: ["row_without_key 1 100.00"]),
        .init(
            name: "a key without a transaction", sql: "INSERT INTO fature_v2.transaction_key VALUES ('y', 1)",
            found: ["key_without_row 1 0.00"], left: ["key_without_row 1 0.00"]),
        .init(
            name: "the award of a deposit that does not qualify",
            sql: "INSERT INTO fature_v2.cpa_award VALUES (901, {t1})", found: ["wrong_award 1 0.00"], left: ["wrong_award 1 0.00"]
        ),
        .init(
            name: "the award of a deposit is gone",
            sql: "DELETE FROM fature_v2.cpa_award WHERE transaction_id = {t5}",
            found: ["unexpected 1 7.00", "wrong_award 1 0.00"],
            left: ["wrong_award 1 0.00"]),
        .init(
            name: "a settlement without its entry",
            sql: """
                INSERT INTO fature_v2.revshare_settlement (
                    settlement_id, beneficiary_id, period_start, period_end, ngr, carried_in, carried_out, amount, plan_version)
                VALUES (88, 5, '2026-01-01', '2026-02-01', 100, 0, 0, 12.50, 1)
                """, found: ["wrong_settlement 1 12.50"], left: ["wrong_settlement 1 12.50"]),
        .init(
            name: "cap usage is off",
            sql: "UPDATE fature_v2.commission_cap_usage SET amount = amount - 0.5 WHERE beneficiary_id = 5",
            found: ["wrong_cap_usage 1 0.50"]),
        .init(
            name: "cap usage is lost", sql: "DELETE FROM fature_v2.commission_cap_usage WHERE beneficiary_id = 5",
            found: ["wrong_cap_usage 1 9.00"]),
        .init(
            name: "more than the cap of a month",
            sql: change("amount = 30", of: "t5")
                + "; UPDATE fature_v2.commission_cap_usage SET amount = 30 WHERE beneficiary_id = 5",
            found: ["wrong_amount 1 21.00", "over_cap 1 20.00", "wrong_totals 1 21.00"],
            left: ["wrong_amount 1 21.00", "over_cap 1 20.00"]),
    ]

    static let totals: [LedgerBreak] =
        [
            "deposits", "bets", "withdrawals", "bonuses", "ggr", "lifetime_volume", "commissions_earned", "commissions_paid",
            "cpa_earned",
            "revshare_earned",
        ].map {
            LedgerBreak(
                name: "\($0) is off",
                sql: "UPDATE fature_v2.affiliate_totals SET \($0) = \($0) + 0.05 WHERE affiliate_id IN (5, 900)",
                found: ["wrong_totals 2 0.10"])
        }
        + ["transactions_count", "commissions_count"].map {
            LedgerBreak(
                name: "\($0) is off", sql: "UPDATE fature_v2.affiliate_totals SET \($0) = \($0) - 1 WHERE affiliate_id = 5",
                found: ["wrong_totals 1 0.00"])
        } + [
            LedgerBreak(
                name: "a row of totals is gone", sql: "DELETE FROM fature_v2.affiliate_totals WHERE affiliate_id = 3",
                found: ["wrong_totals 2 3.00"]),
            LedgerBreak(
                name: "a row of totals is nobody's",
                sql: "INSERT INTO fature_v2.affiliate_totals (affiliate_id, bonuses) VALUES (99, 1)",
                found: ["wrong_totals 1 1.00"]),
        ]
}

/// A small ledger, broken in every way.
@Suite struct LedgerIntegrityTests {
    /// 100.00 and 50.00 by the standard plan, 100.00 reversed, 30.00 not eligible, and 200.00 under a plan with CPA and a cap of the month.
    static func ledger() async throws -> PostgresConnection {
        let connection = try await StoreDatabase.create().connect()
        let plan = try CommissionPlan(
            name: "capped", version: 2, effectiveFrom: 1_769_904_000_000_000,
            percentage: PercentageRule(deposit: [500, 50].compactMap { Rate(tenThousandths: $0) }),
            cpa: CPARule(amounts: [Money(minorUnits: 700)]), caps: CommissionCaps(beneficiaryPerMonth: Money(minorUnits: 1000)))
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.commission_plan (version, name, effective_from, definition, applied_by)
            VALUES (2, 'capped', '2026-02-01Z', $1::text::jsonb, 'tests')
            """, [.text(plan.canonicalJSON)])
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.affiliates_optimized (affiliate_id, hierarchy_level, shard_id, external_id, name, hierarchy_path)
            VALUES (900, 1, 0, 'a', 'N', '900')
            """)
        let january: Int64 = 1_767_225_600_000_000
        let february: Int64 = 1_770_768_000_000_000
        try connection.commit([
            LedgerFixture.transaction("t1", date: january),
            LedgerFixture.transaction("t2", amount: "50.00", type: .bet, winnings: "10.00", date: january),
            LedgerFixture.transaction("t3", date: january),
            LedgerFixture.transaction("t4", amount: "30.00", type: .bonus, date: january, isEligible: false),
            LedgerFixture.transaction("t5", amount: "180.00", date: february),
        ])
        let (revision, book) = try PlanStore.load(connection)
        try connection.pay(try connection.ordersWaiting(), plans: .init(revision: revision, book: book))
        let reversed = try connection.number(
            "SELECT transaction_id FROM fature_v2.transactions WHERE external_transaction_id = 't3'")
        _ = try connection.execute("SELECT * FROM fature_v2.reverse_transaction($1, 'a test', 'tests', NULL)", [.int(reversed)])
        return connection
    }

    static func findings(_ connection: PostgresConnection) throws -> [String] {
        texts(try LedgerReconciler(connection).reconcile())
    }

    static func texts(_ report: ReconciliationReport) -> [String] {
        report.findings.filter { $0.count > 0 }.map { "\($0.check.rawValue) \($0.count) \($0.amount)" }
    }

    static func apply(_ damage: LedgerBreak, to connection: PostgresConnection) throws {
        var sql = damage.sql
        for external in ["t1", "t2", "t3", "t4", "t5"] where sql.contains("{\(external)}") {
            let id = try connection.number(
                "SELECT transaction_id FROM fature_v2.transactions WHERE external_transaction_id = '\(external)'")
            sql = sql.replacing("{\(external)}", with: String(id))
        }
        // As a program that goes around the ledger's own triggers.
        try connection.executeScript("SET session_replication_role = replica; \(sql); SET session_replication_role = DEFAULT")
    }

    @Test("a ledger as the workers make it has no difference")
    func clean() async throws {
        let connection = try await Self.ledger()
        let report = try LedgerReconciler(connection).reconcile()
        #expect(Self.texts(report) == [])
        #expect(report.isClean && report.leftOut.isEmpty)
        #expect(report.transactions == 5 && report.entries == 15)
        #expect(report.amount == "31.90")
    }

    @Test(
        "every difference is found, and mended where the ledger's rules allow",
        arguments: LedgerBreak.entries + LedgerBreak.others)
    func brokenEntries(_ damage: LedgerBreak) async throws { try await check(damage) }

    @Test("every running total that is off is found and mended", arguments: LedgerBreak.totals)
    func brokenTotals(_ damage: LedgerBreak) async throws { try await check(damage) }

    private func check(_ damage: LedgerBreak) async throws {
        let connection = try await Self.ledger()
        try Self.apply(damage, to: connection)
        #expect(try Self.findings(connection).sorted() == damage.found.sorted())

        let mender = LedgerMender(connection, origin: StoreDatabase.origin)
        let everything = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM"
        let tables = ["commissions", "affiliate_totals", "transactions", "commission_cap_usage", "audit_log"].map {
            "\(everything) fature_v2.\($0) t"
        }
        let before = try tables.map { try connection.texts($0) }
        let (_, planned) = try mender.rehearse()
        #expect(try tables.map { try connection.texts($0) } == before, "a rehearsal changes nothing")

        let (report, done) = try mender.mend { _ in 0 }
        #expect(Self.texts(report).sorted() == damage.found.sorted())
        #expect(try Self.findings(connection).sorted() == damage.left.sorted())
        let entrySteps: Set<MendingStep> = [.cancel, .insert]
        #expect(planned.filter { entrySteps.contains($0.step) } == done.filter { entrySteps.contains($0.step) })
        let changes = done.filter { $0.step != .addJobs && $0.step != .adopt }.reduce(0) { $0 + $1.count }
        #expect(
            try connection.number("SELECT count(*) FROM fature_v2.audit_log WHERE new_values ->> 'reason' = 'reconcile --fix'")
                >= changes)

        // Nothing is left to do.
        let again = try mender.mend { _ in 0 }.1
        #expect(again.allSatisfy { $0.count == 0 }, "\(again)")
    }
}
