import Core
import PostgresClient

/// Mends what a reconciliation finds, as far as the ledger's own rules allow, while the cluster pays.
///
/// A snapshot tells where to look. Then each transaction is looked at anew under its locks, in the order of all who write to the ledger
/// (transactions, commissions, totals), and mended with its totals in one database transaction. Sums are mended by their difference, which no
/// payment in between changes (`LedgerSums`).
package struct LedgerMender {
    /// Transactions that one database transaction mends, and totals that it changes: others wait for their locks meanwhile.
    package static let batchMax = 500
    /// Stuck transactions handed over at a time.
    package static let jobsMax = 10_000

    private let connection: PostgresConnection
    private let reconciler: LedgerReconciler
    private let range: ReconciliationRange
    private let stuckAfterMilliseconds: Int64
    private let origin: ChangeOrigin

    package init(
        _ connection: PostgresConnection, range: ReconciliationRange = ReconciliationRange(),
        stuckAfterMilliseconds: Int64 = LedgerReconciler.stuckAfterMillisecondsDefault, origin: ChangeOrigin
    ) {
        self.connection = connection
        self.range = range
        self.stuckAfterMilliseconds = stuckAfterMilliseconds
        self.origin = origin
        reconciler = LedgerReconciler(connection, range: range, stuckAfterMilliseconds: stuckAfterMilliseconds)
    }

    /// What was found, and what `mend` would do about it. Changes nothing.
    package func rehearse(onStep: (String) throws -> Void = { _ in }) throws -> (ReconciliationReport, [MendingAction]) {
        try connection.executeScript(MendingQueries.dropLists)
        defer { try? connection.executeScript(MendingQueries.dropLists) }
        return try reconciler.reconcile(onStep: onStep) { report in
            try onStep("what there is to do")
            try MendingPlan.make(on: connection)
            var actions = [try MendingQueries.cancelled(on: connection), try MendingQueries.inserted(on: connection)]
            if range.isWhole {
                actions += [
                    try MendingQueries.usage("oracle_usage", on: connection),
                    try MendingQueries.totals("oracle_totals", on: connection),
                ]
            }
            try MendingQueries.listStuck(scope, stuckAfterMilliseconds, on: connection)
            actions += [try MendingQueries.foreign(on: connection), try MendingQueries.stuck(on: connection)]
            return (report, actions)
        }
    }

    /// Mends it. The report is of before; reconcile again to see what is left.
    ///
    /// - Parameter addJobs: gives these transactions a job where they have none, and answers for how many that was.
    /// - Throws: `MendingError` if somebody else is at it.
    package func mend(
        onStep: (String) throws -> Void = { _ in }, addJobs: ([CommissionPayment.Order]) throws -> Int
    ) throws -> (ReconciliationReport, [MendingAction]) {
        guard try connection.execute("SELECT pg_try_advisory_lock(hashtextextended('fature_v2.reconcile', 0))").bool(0, 0) else {
            throw MendingError(.busy, "another reconcile --fix is at work on this database; wait for it")
        }
        defer { _ = try? connection.execute("SELECT pg_advisory_unlock(hashtextextended('fature_v2.reconcile', 0))") }
        try connection.executeScript(MendingQueries.dropLists)
        defer { try? connection.executeScript(MendingQueries.dropLists) }
        let report = try reconciler.reconcile(onStep: onStep) { report in
            try connection.executeScript(MendingQueries.listSuspects)
            if range.isWhole { try connection.executeScript(MendingQueries.listSums) }
            try MendingQueries.listStuck(scope, stuckAfterMilliseconds, on: connection)
            return report
        }
        var actions: [MendingStep: MendingAction] = [:]
        for step in MendingStep.allCases { actions[step] = MendingAction(step) }
        try onStep("mending entries")
        try mendEntries(&actions)
        if range.isWhole {
            try onStep("mending sums")
            actions[.capUsage] = try inBatches(MendingQueries.usage("mend_usage", on: connection), MendingQueries.addUsage)
            actions[.totals] = try inBatches(MendingQueries.totals("mend_totals", on: connection), MendingQueries.addTotals)
        }
        try onStep("mending what is stuck")
        actions[.adopt]?.count = try adopt()
        actions[.addJobs]?.count = try giveJobs(addJobs)
        return (report, MendingStep.allCases.compactMap { actions[$0] })
    }

    private var scope: LedgerOracle.Scope { range.isWhole ? .all : .listed }

    // MARK: Steps

    private func mendEntries(_ actions: inout [MendingStep: MendingAction]) throws {
        var after: Int64 = 0
        while true {
            let step = try retryingConflicts { try connection.transaction { try mendSuspects(after: after) } }
            guard let (last, done) = step else { return }
            after = last
            for action in done {
                try MendingQueries.add(action, to: &actions[action.step, default: MendingAction(action.step)], on: connection)
            }
        }
    }

    /// Mends the next suspects; to be called in a transaction.
    /// - Returns: the last of them and what was done; nil if there are none.
    private func mendSuspects(after: Int64) throws -> (last: Int64, done: [MendingAction])? {
        try LedgerReconciler.prepare(connection)
        guard let last = try MendingQueries.takeSuspects(after: after, limit: Self.batchMax, on: connection) else { return nil }
        try LedgerOracle.make(.listed, on: connection)
        try connection.executeScript(
            "CREATE TEMP TABLE oracle_suspect ON COMMIT DROP AS SELECT * FROM oracle_scope; ANALYZE oracle_suspect")
        try LedgerSuspects.judge(on: connection)
        try MendingPlan.make(on: connection)
        let done = [try MendingQueries.cancelled(on: connection), try MendingQueries.inserted(on: connection)]
        try MendingQueries.apply(origin, on: connection)
        return (last, done)
    }

    /// Changes what is left of a list, some rows in each database transaction, until nothing is.
    private func inBatches(_ action: MendingAction, _ sql: String) throws -> MendingAction {
        while true {
            let result = try retryingConflicts {
                try connection.execute(
                    sql, [.int(Int64(Self.batchMax)), .text(origin.actor), .optionalText(origin.requestID)])
            }
            if try result.int(0, 0) == 0 { return action }
        }
    }

    private func adopt() throws -> Int64 {
        guard try MendingQueries.foreign(on: connection).count > 0 else { return 0 }
        var count: Int64 = 0
        while true {
            let (adopted, refused) = try retryingConflicts { try TransactionSweep.adopt(on: connection) }
            count += adopted + refused
            if adopted + refused == 0 { break }
        }
        try MendingQueries.audit("adopt_transactions", count, origin, on: connection)
        return count
    }

    private func giveJobs(_ addJobs: ([CommissionPayment.Order]) throws -> Int) throws -> Int64 {
        var count: Int64 = 0
        var after: Int64 = 0
        while true {
            let orders = try MendingQueries.stuckOrders(after: after, limit: Self.jobsMax, on: connection)
            guard let last = orders.last else { break }
            count += Int64(try addJobs(orders))
            after = last.transactionID
        }
        if count > 0 { try MendingQueries.audit("add_jobs", count, origin, on: connection) }
        return count
    }
}
