import ArgumentParser
import LoadEngine
import LoadPlan
import LoadRecord

/// `fature loadtest search`.
struct LoadTestSearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Look for the highest rate that keeps a scenario's objectives.",
        discussion: """
            Each attempt is a run of its own at one even rate: twice the last one while the objectives hold and the generator keeps up, then halfway between
            what held and what did not, to within 5%. The reports are of the best attempt. The ledger is checked after each one.

            Example: fature loadtest search queries-50k --from 20000 --attempt-seconds 20 --slo 'p99<10ms'

            Exit status: 0 found, 1 not even the lowest rate holds, 3 a run could not be set up, 64 bad flag.
            """)

    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var target: LoadTargetOptions
    @OptionGroup var agents: AgentOptions
    @OptionGroup var reports: LoadReportOptions

    @Option(help: ArgumentHelp("The first rate, requests a second.", valueName: "n"))
    var from: Double = 1000

    @Option(help: ArgumentHelp("The highest rate that is tried.", valueName: "n"))
    var highest: Double = 1_000_000

    @Option(help: ArgumentHelp("The length of an attempt.", valueName: "n"))
    var attemptSeconds: Double = 10

    @Flag(help: "Do not compare the ledger and sampled answers with PostgreSQL.")
    var noCheck = false

    func validate() throws {
        guard from >= 1, from <= highest, highest <= Scenario.rateMax else {
            throw ValidationError("give 1 ≤ --from ≤ --highest ≤ \(Int(Scenario.rateMax))")
        }
        guard attemptSeconds >= 1, attemptSeconds <= Scenario.secondsMax else {
            throw ValidationError("--attempt-seconds \(attemptSeconds): give 1 to \(Int(Scenario.secondsMax))")
        }
    }

    func run() throws {
        let plan = try scenario.read()
        guard plan.objectives.contains(where: { !$0.metric.isOfCheck }) else {
            throw CommandError(.setUp, "there is no objective that a rate could miss: name one with --slo 'p99<10ms'")
        }
        try reports.check()
        let setUp = try LoadTestSetUp(plan, target, agents, checks: !noCheck)
        var search = RateSearch(from: from, highest: highest)
        var best: RunRecord?
        while case .attempt(let rate) = search.step {
            let session = try LoadTestSession(
                plan.atConstant(rate: rate, seconds: attemptSeconds), setUp, runName: nil, drainSeconds: 60, endsEarly: false)
            let record = try session.run(showsProgress: false)
            if let aborted = record.aborted, let loss = record.invalid.first(where: { $0.contains("was lost") }) {
                throw CommandError(.setUp, "\(aborted): \(loss)")
            }
            if record.aborted != nil { throw CommandError(.interrupted, "stopped before the search was at its end") }
            let judgement = RunJudgement(record)
            let holds = judgement.verdict == .held
            Console.progress("\(Int(rate)) requests/s: \(Self.words(judgement, record))")
            search.tell(held: holds)
            if holds { best = record }
        }
        guard let best, let rate = search.held else {
            throw CommandError(.negative, "no rate that was tried keeps the objectives")
        }
        Console.answer("\(Int(rate)) requests/s keep the objectives")
        try reports.write(best)
    }

    private static func words(_ judgement: RunJudgement, _ record: RunRecord) -> String {
        switch judgement.verdict {
        case .held: "held"
        case .missed:
            "missed: "
                + judgement.objectives.filter { $0.state != .held }.map { "\($0.objective) (\($0.words))" }.joined(
                    separator: ", ")
        case .invalid: "the generator could not keep up: " + record.invalid.joined(separator: "; ")
        }
    }
}
