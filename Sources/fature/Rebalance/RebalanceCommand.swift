import Administration
import ArgumentParser
import Store

/// `fature rebalance`.
struct RebalanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebalance",
        abstract: "Plan which shards should move to which workers, and have them moved.",
        discussion: """
            A plan changes nothing. It is kept with a number, and says what is to be moved, why, what that costs, and what it brings. Applied, it is carried \
            out by the coordinator, while all shards are served.

            Example: fature rebalance plan
            Example: fature rebalance apply 7 --wait
            Example: fature rebalance plan --drain worker-2 --json
            Example: fature rebalance status --watch --admin-url http://127.0.0.1:7600 --admin-token-file admin-token

            Exit status: 0 done, shown, or nothing to move, 1 no such plan, 2 moves are pending: planned, under way or paused, 3 partial: some moves \
            failed or the plan was aborted, 4 refused: nothing was done, 64 bad flag or no such worker, 69 no PostgreSQL or \
            coordinator, 76 schema of another version, 77 wrong password or token, 78 no cluster named.
            """,
        subcommands: [
            RebalancePlanCommand.self, RebalanceApplyCommand.self, RebalanceStatusCommand.self, RebalancePauseCommand.self,
            RebalanceResumeCommand.self, RebalanceAbortCommand.self, RebalanceShowCommand.self, RebalanceListCommand.self,
        ])

    /// Like the function of that name; but no cluster named is 78, since 3 is a plan that was carried out in part.
    static func explained<R>(_ body: () throws -> R) throws -> R {
        do { return try fature.explained(body) } catch let error as CommandError where error.status == .notRunning {
            throw CommandError(.configuration, error.message)
        }
    }
}

/// `fature rebalance show`.
struct RebalanceShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a kept plan as it was made, and what has become of it.",
        discussion: """
            Example: fature rebalance show 7

            Exit status: 0 shown, 1 no such plan, 69 no PostgreSQL, 76 schema of another version, 78 no cluster named.
            """)

    @Argument(help: ArgumentHelp("The plan's number.", valueName: "plan"))
    var number: Int64

    @Flag(help: "Say more about each move, and where the heavy shards could be cut.")
    var explain = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try RebalanceCommand.explained {
            let document = try administration.port("rebalance show").plan(number: number)
            if json { return try JSONAnswer.print(document) }
            Console.answer(RebalanceText.text(of: document, isExplaining: explain))
        }
    }
}

/// `fature rebalance ls`.
struct RebalanceListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Show the kept plans, newest first.",
        discussion: """
            Example: fature rebalance ls --limit 5 --json

            Exit status: 0 shown, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, 78 no cluster named.
            """)

    @Option(help: ArgumentHelp("So many at most.", valueName: "n"))
    var limit = 20

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        guard (1...RebalancePlans.readMax).contains(limit) else {
            throw ValidationError("--limit \(limit): give 1 to \(RebalancePlans.readMax)")
        }
    }

    func run() throws {
        try RebalanceCommand.explained {
            let document = try administration.port("rebalance ls").plans(limit: limit)
            if json { return try JSONAnswer.print(document) }
            var table = TextTable(["plan", "state", "moves", "done", "weight", "drain", "planned at", "by"])
            for entry in document.plans {
                table.add([
                    String(entry.plan), entry.state, String(entry.moves), String(entry.movesDone), entry.weight,
                    entry.drain.joined(separator: ", "), entry.plannedAt, entry.plannedBy,
                ])
            }
            Console.answer(table.text)
        }
    }
}
