import ArgumentParser
import Core
import Foundation
import JobQueue
import Store
import Worker

/// `fature reconcile`.
struct ReconcileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Compare every commission with what the transactions and plans say, and mend what may be mended.",
        discussion: """
            PostgreSQL computes anew, in one snapshot and by itself, what each processed transaction pays, and compares it with the ledger:
            lost, doubled, orphaned and wrong entries, reversals, CPA awards, settlements, caps, running totals, stuck transactions, dead
            letters, external ids. May run while the cluster pays.

            With --fix stuck transactions get a job, lost entries are added, pending entries that are wrong are cancelled and the right ones
            added, and sums are put right; each leaves an audit row. What is approved, disputed or paid is never touched. The exit status
            tells of what is left.

            Example: fature reconcile --report ledger.json
            Example: fature reconcile --fix --dry-run
            Example: fature reconcile --from 2026-01-01 --to 2026-02-01

            Exit status: 0 zero differences, 1 there are some, 64 bad flag, 69 no server, 73 the report cannot be written, \
            75 another --fix is at work, 76 schema of another version.
            """)

    @Flag(help: "Mend what the ledger's rules allow.")
    var fix = false

    @Flag(help: "With --fix: show what it would do, and change nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Only transactions accepted from this moment on (UTC unless it says otherwise); sums need all, and are left out.",
            valueName: "moment"))
    var from: String?

    @Option(help: ArgumentHelp("Only transactions accepted before this moment.", valueName: "moment"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "A transaction may wait so long for its commissions before it counts as stuck, in seconds.",
            valueName: "n"))
    var stuckAfterSeconds: Int64 = LedgerReconciler.stuckAfterMillisecondsDefault / 1000

    @Option(
        help: ArgumentHelp(
            "Write the report to this file as well: JSON if its name ends in .json, else a table.", valueName: "file"))
    var report: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation
    @OptionGroup var redis: RedisLocation

    private static let stuckAfterSecondsMax: Int64 = 31_536_000

    func validate() throws {
        guard fix || !dryRun else { throw ValidationError("--dry-run shows what --fix would do: give both") }
        guard (0...Self.stuckAfterSecondsMax).contains(stuckAfterSeconds) else {
            throw ValidationError("--stuck-after-seconds \(stuckAfterSeconds): give 0 to \(Self.stuckAfterSecondsMax)")
        }
        for (flag, text) in [("--from", from), ("--to", to)] {
            if let text, Timestamp.parse(text.utf8) == nil {
                throw ValidationError("\(flag) \(text): give a moment as in 2026-01-31 or 2026-01-31T12:00:00Z")
            }
        }
    }

    func run() throws {
        let connection = try location.connect("reconcile")
        let range = ReconciliationRange(
            fromMicroseconds: from.flatMap { Timestamp.parse($0.utf8) }, toMicroseconds: to.flatMap { Timestamp.parse($0.utf8) })
        let stuckAfter = stuckAfterSeconds * 1000
        var progress = ProgressLine()
        let onStep: (String) -> Void = { step in progress.tell("reconcile: \(step)") }
        let found: ReconciliationReport
        var actions: [MendingAction]?
        do {
            let reconciler = LedgerReconciler(connection, range: range, stuckAfterMilliseconds: stuckAfter)
            let mender = LedgerMender(connection, range: range, stuckAfterMilliseconds: stuckAfter, origin: .commandLine)
            switch (fix, dryRun) {
            case (false, _): found = try reconciler.reconcile(onStep: onStep)
            case (true, true): (found, actions) = try mender.rehearse(onStep: onStep)
            case (true, false):
                actions = try mender.mend(onStep: onStep) { orders in
                    try StuckJobs.give(orders, JobQueue(.commission, on: redis.connect(beside: location)))
                }.1
                found = try reconciler.reconcile(onStep: onStep)
            }
        } catch { throw CommandError.explaining(error) }
        let text = ReconciliationReportText(found, actions: actions, isDryRun: dryRun)
        if let report {
            try OutputFile.write(report.hasSuffix(".json") ? try JSONAnswer.text(text.document) : text.table, to: report)
        }
        if json { try JSONAnswer.print(text.document) } else { Console.answer(text.table) }
        if !found.isClean { throw ExitCode(ExitStatus.negative.rawValue) }
    }
}
