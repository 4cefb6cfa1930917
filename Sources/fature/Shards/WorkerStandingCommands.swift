import ArgumentParser
import Core
import Placement
import Store

/// `fature worker cordon`.
struct WorkerCordonCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cordon",
        abstract: "Give a worker no more shards. What it has stays.",
        discussion: """
            It holds for the worker's name, also after a restart, until `fature worker uncordon`. A rebalance leaves the worker out. If no other \
            worker lives, free shards go to it all the same.

            Example: fature worker cordon worker-2 --reason 'disk to be replaced'

            Exit status: 0 cordoned, or it was, 3 no cluster named, 64 bad flag or no such worker, 69 no PostgreSQL, 76 schema of another version.
            """)

    @OptionGroup var change: WorkerStandingOptions

    func run() throws { try change.run(.cordoned) }
}

/// `fature worker drain`.
struct WorkerDrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Give a worker no more shards, and have the next rebalance plan empty it.",
        discussion: """
            With --move its shards are planned away and the plan is applied at once; with --wait the command returns when they are gone, and the \
            worker can be stopped. Without either nothing is moved yet: `fature rebalance plan` says what goes where. It holds for the worker's \
            name, also after a restart, until `fature worker uncordon`.

            Example: fature worker drain worker-2 --wait --reason 'the machine goes'
            Example: fature worker drain worker-2 && fature rebalance plan

            Exit status: 0 draining, or it was; with --wait: empty; 2 its shards are moving (--move), 3 not all of them have moved (--wait), \
            4 refused: nothing was moved, since a plan is under way or no other worker is open, 64 bad flag or no such worker, 69 no PostgreSQL, \
            76 schema of another version, 78 no cluster named.
            """)

    @Flag(help: "Have its shards moved away at once, as `fature rebalance plan --drain` and `apply` would.")
    var move = false

    @Flag(help: "Have its shards moved away, and return when that has ended.")
    var wait = false

    @OptionGroup var change: WorkerStandingOptions

    func run() throws {
        try RebalanceCommand.explained {
            guard move || wait else { return try change.run(.draining) }
            let connection = try change.location.connectToCurrentSchema("worker drain")
            let name = try WorkerNames.name(of: change.worker, on: connection)
            let question = RebalanceQuestion(drained: [name])
            let document = try RebalanceDesk.plan(question, isDryRun: change.dryRun, on: connection)
            guard !change.dryRun, let number = document.plan else {
                return change.json
                    ? try JSONAnswer.print(document) : Console.answer(RebalanceText.text(of: document, isExplaining: false))
            }
            if let reason = change.reason {
                // Applying the plan says no more than which plan it was.
                _ = try WorkerStandings.set(name, .draining, reason: reason, origin: .commandLine, on: connection)
            }
            guard !document.moves.isEmpty else { return try change.run(.draining) }
            var plan = try RebalanceDesk.apply(number, RebalanceThrottles(), on: connection)
            if wait { plan = try RebalanceDesk.wait(number, on: connection) }
            try RebalanceStatusCommand.show(plan, asJSON: change.json, on: connection)
        }
    }
}

/// `fature worker uncordon`.
struct WorkerUncordonCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uncordon",
        abstract: "Let a cordoned or draining worker have shards again.",
        discussion: """
            Example: fature worker uncordon worker-2

            Exit status: 0 open, or it was, 3 no cluster named, 64 bad flag or no such worker, 69 no PostgreSQL, 76 schema of another version.
            """)

    @OptionGroup var change: WorkerStandingOptions

    func run() throws { try change.run(.open) }
}

/// What the commands that change a worker's standing share.
struct WorkerStandingOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The worker: its name, or the number of its instance.", valueName: "worker"))
    var worker: String

    @Option(help: ArgumentHelp("Why; everybody sees it who looks at the workers.", valueName: "text"))
    var reason: String?

    @Flag(help: "Show what would be done, and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    struct Change: Encodable {
        let workerId: String
        let before: String
        let standing: String
        let changed: Bool
        /// Shards that it has at the moment.
        let shards: Int
        let dryRun: Bool
    }

    func run(_ standing: WorkerStanding) throws {
        try explained {
            let connection = try location.connectToCurrentSchema("worker \(standing.rawValue)")
            let name = try WorkerNames.name(of: worker, on: connection)
            let workers = try OwnershipQueries.workers(on: connection).filter { $0.registration.name == name }
            let shards = try OwnershipQueries.weighedShards(on: connection)
                .count { shard in workers.contains { $0.instance == shard.owner } }
            var before = try WorkerStandings.all(on: connection).first { $0.name == name }?.standing ?? .open
            if !dryRun {
                before = try WorkerStandings.set(name, standing, reason: reason, origin: .commandLine, on: connection)
            }
            let change = Change(
                workerId: name, before: before.rawValue, standing: standing.rawValue, changed: before != standing, shards: shards,
                dryRun: dryRun)
            if json { return try JSONAnswer.print(change) }
            guard change.changed else { return Console.answer("\(name) is \(standing.rawValue) already") }
            let next = standing == .draining && shards > 0 ? "; `fature rebalance plan` shows where its \(shards) shards go" : ""
            Console.answer("\(name) \(dryRun ? "would be" : "is") \(standing.rawValue)\(next)")
        }
    }
}
