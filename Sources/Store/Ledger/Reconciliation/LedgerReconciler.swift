import Core
import PostgresClient

/// Which part of the ledger is reconciled.
package struct ReconciliationRange: Sendable, Equatable {
    /// Accepted at this moment or later, and before the other; microseconds since 1970 UTC. Nil: no limit.
    package var fromMicroseconds: Int64?
    package var toMicroseconds: Int64?

    package init(fromMicroseconds: Int64? = nil, toMicroseconds: Int64? = nil) {
        self.fromMicroseconds = fromMicroseconds
        self.toMicroseconds = toMicroseconds
    }

    package var isWhole: Bool { fromMicroseconds == nil && toMicroseconds == nil }
}

/// Compares the whole ledger with what the transactions and the plans say, in one snapshot of the database. Changes nothing.
package struct LedgerReconciler {
    /// A transaction may wait so long before it counts as stuck, unless somebody says otherwise.
    package static let stuckAfterMillisecondsDefault: Int64 = 300_000
    package static let examplesMax = 20

    private let connection: PostgresConnection
    private let range: ReconciliationRange
    private let stuckAfterMilliseconds: Int64

    package init(
        _ connection: PostgresConnection, range: ReconciliationRange = ReconciliationRange(),
        stuckAfterMilliseconds: Int64 = LedgerReconciler.stuckAfterMillisecondsDefault
    ) {
        self.connection = connection
        self.range = range
        self.stuckAfterMilliseconds = stuckAfterMilliseconds
    }

    /// - Parameter onStep: called before each step with its name.
    package func reconcile(onStep: (String) throws -> Void = { _ in }) throws -> ReconciliationReport {
        try reconcile(onStep: onStep) { $0 }
    }

    /// As `reconcile`, and hands the report to `body` while the snapshot and its temporary tables are still there.
    func reconcile<R>(onStep: (String) throws -> Void, _ body: (ReconciliationReport) throws -> R) throws -> R {
        try Schema.requireCurrent(connection)
        // One picture for all checks; temporary tables need a transaction that may write.
        return try connection.transaction(.repeatableRead) {
            try Self.prepare(connection)
            let scope: LedgerOracle.Scope = range.isWhole ? .all : .listed
            if !range.isWhole { try listScope() }
            try onStep("what the plans pay")
            try LedgerOracle.make(scope, on: connection)
            try onStep("entries")
            try LedgerSuspects.find(scope, on: connection)
            try LedgerSuspects.judge(on: connection)
            if range.isWhole {
                try onStep("sums")
                try connection.executeScript(LedgerSums.makeTotals)
                try connection.executeScript(LedgerSums.makeUsage)
            }
            let queries = ReconciliationQueries(scope: scope, stuckAfterMilliseconds: stuckAfterMilliseconds)
            try onStep("external ids")
            try connection.executeScript(queries.makeKeyless)
            var report = try counts(scope)
            for check in ReconciliationCheck.allCases {
                guard range.isWhole || check.isPerTransaction else {
                    report.leftOut.append(check)
                    continue
                }
                try onStep(check.rawValue)
                report.findings.append(try run(check, queries.sql(check)))
            }
            return try body(report)
        }
    }

    static func prepare(_ connection: PostgresConnection) throws {
        _ = try connection.execute("SET LOCAL work_mem = '256MB'")
        _ = try connection.execute("SET LOCAL jit = off")
        _ = try connection.execute("SET LOCAL timezone = 'UTC'")
    }

    private func listScope() throws {
        let conditions = [
            range.fromMicroseconds.map { "accepted_at >= timestamptz 'epoch' + \($0) * interval '1 microsecond'" },
            range.toMicroseconds.map { "accepted_at < timestamptz 'epoch' + \($0) * interval '1 microsecond'" },
        ]
        try connection.executeScript(
            """
            CREATE TEMP TABLE oracle_scope ON COMMIT DROP AS
            SELECT transaction_id FROM fature_v2.transactions WHERE \(conditions.compactMap { $0 }.joined(separator: " AND "));
            ANALYZE oracle_scope
            """)
    }

    private func counts(_ scope: LedgerOracle.Scope) throws -> ReconciliationReport {
        let transactions = try connection.execute(
            """
            SELECT (extract(epoch FROM now()) * 1000000)::bigint, count(*), count(*) FILTER (WHERE t.commission_processed),
                count(*) FILTER (WHERE NOT t.commission_processed AND NOT t.commission_dead
                    AND t.accepted_at >= now() - \(stuckAfterMilliseconds) * interval '1 millisecond'),
                count(*) FILTER (WHERE t.commission_dead AND NOT t.commission_processed AND NOT EXISTS (
                    SELECT 1 FROM fature_v2.dead_letter d
                    WHERE d.queue = '\(DeadLetters.commissionQueue)' AND d.job_id = t.transaction_id::text AND d.state = 'dead'))
            FROM fature_v2.transactions t WHERE \(scope.condition("t"))
            """)
        let entries = try connection.execute(
            """
            SELECT count(*), coalesce(sum(c.amount) FILTER (WHERE c.status <> 'cancelled'), 0.00)::text
            FROM fature_v2.commissions c WHERE \(scope.condition("c"))
            """)
        var report = ReconciliationReport(snapshotMicroseconds: try transactions.int(0, 0))
        report.transactions = try transactions.int(0, 1)
        report.processed = try transactions.int(0, 2)
        report.waiting = try transactions.int(0, 3)
        report.discarded = try transactions.int(0, 4)
        report.entries = try entries.int(0, 0)
        report.amount = try entries.text(0, 1)
        return report
    }

    private func run(_ check: ReconciliationCheck, _ sql: String) throws -> ReconciliationFinding {
        let found = try connection.execute(
            """
            WITH wrong AS MATERIALIZED (\(sql)),
            example AS (SELECT * FROM wrong ORDER BY length(what), what LIMIT \(Self.examplesMax))
            SELECT count(*), coalesce(sum(amount), 0)::numeric(30,2)::text, ARRAY(SELECT what FROM example),
                ARRAY(SELECT expected FROM example), ARRAY(SELECT found FROM example)
            FROM wrong
            """)
        let expected = try found.textArray(0, 3)
        let actual = try found.textArray(0, 4)
        let examples = try found.textArray(0, 2).enumerated().map { index, what in
            ReconciliationExample(what: what ?? "", expected: expected[index] ?? "", found: actual[index] ?? "")
        }
        return ReconciliationFinding(
            check: check, count: try found.int(0, 0), amount: try found.text(0, 1), examples: examples)
    }
}
