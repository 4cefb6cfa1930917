import Administration
import ArgumentParser
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

            With --json it prints one document: the worker's standing, and in it with --move or --wait the plan, as far as it is then.

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
            let port = try change.administration.port("worker drain")
            guard move || wait else { return try change.show(change.set(.draining, isDryRun: change.dryRun, by: port)) }
            let planned = try port.plan(PlanRequest(drain: [change.worker], isDryRun: change.dryRun))
            // Applying the plan makes the worker draining, but says no more than which plan it was: a reason goes before it.
            let isMarkedNow = !change.dryRun && (change.reason != nil || planned.moves.isEmpty)
            var document = try change.set(.draining, isDryRun: !isMarkedNow, by: port)
            document.dryRun = change.dryRun
            guard !change.dryRun, let number = planned.plan, !planned.moves.isEmpty else {
                document.plan = planned
                return try show(document, planned: planned)
            }
            try RebalanceOutcome.apply(number, RebalanceThrottles(), isWaiting: wait, by: port) { plan in
                let outcome = document.with(plan, isMarked: isMarkedNow)
                change.json ? try JSONAnswer.print(outcome) : try RebalanceOutcome.show(plan, asJSON: false)
            }
        }
    }

    /// Nothing is to be moved, or not now.
    private func show(_ document: WorkerStandingDocument, planned: RebalanceDocument) throws {
        guard change.dryRun, !change.json else { return try change.show(document) }
        Console.answer(RebalanceText.text(of: planned, isExplaining: false))
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

    @OptionGroup var administration: AdministrationOptions

    func run(_ standing: WorkerStanding) throws {
        try explained {
            try show(set(standing, isDryRun: dryRun, by: administration.port("worker \(standing.rawValue)")))
        }
    }

    func set(
        _ standing: WorkerStanding, isDryRun: Bool, by port: some AdministrationPort
    ) throws -> WorkerStandingDocument {
        try port.setStanding(of: worker, to: standing, StandingRequest(reason: reason, isDryRun: isDryRun))
    }

    func show(_ document: WorkerStandingDocument) throws {
        if json { return try JSONAnswer.print(document) }
        let name = document.workerId
        guard document.changed else { return Console.answer("\(name) is \(document.standing) already") }
        let isToBeEmptied = document.standing == WorkerStanding.draining.rawValue && document.shards > 0
        let next = isToBeEmptied ? "; `fature rebalance plan` shows where its \(document.shards) shards go" : ""
        Console.answer("\(name) \(dryRun ? "would be" : "is") \(document.standing)\(next)")
    }
}
