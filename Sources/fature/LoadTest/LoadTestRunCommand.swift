import ArgumentParser
import LoadPlan
import LoadRecord
import LoadReport

/// `fature loadtest run`.
struct LoadTestRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a scenario.",
        discussion: """
            With a PostgreSQL to ask (--data-dir, DATABASE_URL) affiliates are chosen from it, and after the load the ledger and a sample of the
            answers are compared with it; --no-check leaves that out.

            Example: fature loadtest run queries-50k --html report.html
            With --agents the load is shared by `fature loadtest agent` on other hosts, and what they saw is added up.

            Example: fature loadtest run mixed --target https://gateway:8443 --ca-file ca.pem --slo 'p99.9<50ms'

            Example: fature loadtest run queries-50k --agents 10.0.0.8:7400,10.0.0.9:7400 --token-file token

            Exit status: 0 objectives held, 1 one was missed, 2 the run is invalid: a generator could not keep up or was lost, 3 the run could not be \
            set up, 64 bad flag, 73 a report cannot be written.
            """)

    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var target: LoadTargetOptions
    @OptionGroup var agents: AgentOptions
    @OptionGroup var reports: LoadReportOptions

    @Option(
        help: ArgumentHelp(
            "The run's name, which no earlier run against this cluster had: external ids are made of it (default: of the time).",
            valueName: "name"))
    var name: String?

    @Flag(help: "Do not compare the ledger and sampled answers with PostgreSQL.")
    var noCheck = false

    @Option(help: ArgumentHelp("How long commissions may take to be paid after the load, in seconds.", valueName: "n"))
    var drainSeconds = 60

    @Flag(help: "End the run as soon as an objective can not be met any more.")
    var abortEarly = false

    @Flag(help: "Show no progress.")
    var quiet = false

    func run() throws {
        let plan = try scenario.read()
        try reports.check()
        let session = try LoadTestSession(
            plan, LoadTestSetUp(plan, target, agents, checks: !noCheck), runName: name, drainSeconds: drainSeconds,
            endsEarly: abortEarly)
        let record = try session.run(showsProgress: !quiet)
        Console.answer(TerminalReport.text(record, isColored: Console.isColored))
        try reports.write(record)
        let verdict = RunJudgement(record).verdict
        guard verdict == .held else { throw CommandError.alreadyExplained(verdict == .missed ? .negative : .invalidRun) }
    }
}
