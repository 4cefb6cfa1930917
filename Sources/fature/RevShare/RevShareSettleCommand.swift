import ArgumentParser
import Commission
import Core
import Store

/// `fature revshare settle`.
struct RevShareSettleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settle",
        abstract: "Pay each affiliate its share of a month's or week's net gaming revenue, once.",
        discussion: """
            The period must have ended, its transactions must have their commissions, and the periods before it must be settled. The
            figures are gathered once, by one snapshot, then affiliates are settled a thousand at a time. An interrupted settlement goes on
            where it stopped when it is started again; settling a period twice pays nothing twice. The cluster may serve meanwhile.

            What comes late for a settled period, and what of it is reversed, counts in the next one.

            Example: fature revshare settle --period 2026-10 --dry-run
            Example: fature revshare settle --period 2026-10-12

            Exit status: 0 settled, now or before, 1 it cannot be settled yet (the message says why), 64 bad flag or no plan with RevShare
            in that period, 69 no server, 70 failed, 76 fature db migrate is needed, 77 wrong password.
            """)

    @Option(help: ArgumentHelp("A month (2026-10), or a week by its Monday (2026-10-12); UTC.", valueName: "period"))
    var period: String

    @Flag(help: "Compute all of it and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func validate() throws { _ = try RevSharePeriodName.option(period) }

    func run() throws {
        let name = try RevSharePeriodName.option(period)
        let connection = try location.connect("revshare settle")
        var progress = ProgressLine()
        let outcomes: [RevShareLedger.Outcome]
        do {
            outcomes = try RevShareLedger.settle(name, origin: .commandLine, isDryRun: dryRun, on: connection) { settled in
                progress.tell("revshare: \(settled.beneficiariesCount) affiliates settled, \(settled.amount) earned")
            }
        } catch { throw CommandError.explainingRevShare(error) }
        if json {
            try JSONAnswer.print(Answer(dryRun: dryRun, periods: outcomes.map { .init($0) }))
        } else {
            for outcome in outcomes { Console.answer(line(outcome)) }
        }
    }

    private struct Answer: Encodable {
        struct Period: Encodable {
            let period: PeriodDocument
            let settledBefore: Bool
            let affiliatesNow: Int64

            init(_ outcome: RevShareLedger.Outcome) {
                period = PeriodDocument(outcome.period)
                settledBefore = outcome.wasSettled
                affiliatesNow = outcome.beneficiariesNow
            }
        }

        let dryRun: Bool
        let periods: [Period]
    }

    private func line(_ outcome: RevShareLedger.Outcome) -> String {
        let period = outcome.period
        let sums = period.settled
        let what =
            outcome.wasSettled
            ? "was settled before, nothing to do" : dryRun ? "would be settled, nothing was changed" : "settled"
        return "revshare \(period.name), plan version \(period.planVersion): \(what)\n"
            + "\(period.transactionsCount) transactions, \(sums.beneficiariesCount) affiliates, \(sums.entriesCount) of them earn "
            + "\(sums.amount), carried into the next period \(sums.carriedOut)"
    }
}
