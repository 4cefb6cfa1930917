import Administration
import ArgumentParser
import Core
import Placement
import Store

/// `fature rebalance plan`.
struct RebalancePlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Plan the fewest moves that bring every worker within a threshold of its fair share, and keep the plan.",
        discussion: """
            Nothing is moved: `fature rebalance apply` does that. A worker's fair share is the mean load of the open workers for its capacity. Where moving whole shards cannot help, the \
            plan says so, and names the affiliates at which a cut would.

            Example: fature rebalance plan
            Example: fature rebalance plan --drain worker-2 --max-moves 20
            Example: fature rebalance plan --weight traffic --threshold 20% --explain

            Exit status: 0 nothing to move, 2 moves are planned, 4 refused: shards wait for an owner, a plan is being applied, or no worker is open, \
            64 bad flag or no such worker, 69 no PostgreSQL, 76 schema of another version, 77 wrong password, 78 no cluster named.
            """)

    @Option(help: ArgumentHelp("Empty this worker, given by name or instance; may be repeated.", valueName: "worker"))
    var drain: [String] = []

    @Option(help: ArgumentHelp("How far above its fair share a worker may be.", valueName: "percent"))
    var threshold = Threshold(basisPoints: RebalanceLimits.thresholdDefault)

    @Option(help: ArgumentHelp("Move so many shards at most.", valueName: "n"))
    var maxMoves: Int?

    @Option(help: ArgumentHelp("What a shard weighs: affiliates, traffic or jobs.", valueName: "kind"))
    var weight = ShardWeightKind.affiliates

    @Flag(help: "Say more about each move, and where the heavy shards could be cut.")
    var explain = false

    @Flag(help: "Show the plan, and do not keep it.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    /// A percentage such as `10%` or `7.5`.
    struct Threshold: ExpressibleByArgument, CustomStringConvertible {
        let basisPoints: Int64

        init(basisPoints: Int64) { self.basisPoints = basisPoints }

        init?(argument: String) {
            var text = argument[...]
            if text.hasSuffix("%") { text = text.dropLast() }
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } })
            else { return nil }
            let fraction = parts.count == 2 ? String(parts[1]) : "0"
            guard fraction.count <= 2, parts[0].count <= 6, let whole = Int64(parts[0]),
                let hundredths = Int64(fraction + String(repeating: "0", count: 2 - fraction.count))
            else { return nil }
            basisPoints = whole * 100 + hundredths
        }

        var description: String { RebalanceText.percent(basisPoints) }
        var defaultValueDescription: String { description }
    }

    func validate() throws {
        guard threshold.basisPoints <= RebalanceLimits.thresholdMax else {
            throw ValidationError("--threshold \(threshold): give 0% to \(RebalanceText.percent(RebalanceLimits.thresholdMax))")
        }
        if let maxMoves, !(1...ShardID.count).contains(maxMoves) {
            throw ValidationError("--max-moves \(maxMoves): give 1 to \(ShardID.count)")
        }
    }

    func run() throws {
        try RebalanceCommand.explained {
            let document = try administration.port("rebalance plan").plan(
                PlanRequest(
                    weight: weight, limits: RebalanceLimits(threshold: threshold.basisPoints, movesMax: maxMoves), drain: drain,
                    isDryRun: dryRun))
            if json {
                try JSONAnswer.print(document)
            } else {
                Console.answer(RebalanceText.text(of: document, isExplaining: explain))
            }
            if !document.moves.isEmpty { throw ExitCode(ExitStatus.movesPending.rawValue) }
        }
    }
}

extension ShardWeightKind: ExpressibleByArgument {}
