import Administration
import ArgumentParser
import Store

/// `fature rebalance pause`.
struct RebalancePauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Let no more moves of a plan begin. Those that are under way end.",
        discussion: """
            Example: fature rebalance pause --reason 'the evening peak'

            Exit status: 0 paused, 1 no such plan, 4 it is not being applied, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, \
            77 wrong password, 78 no cluster named.
            """)

    @OptionGroup var steering: RebalanceSteering

    func run() throws { try steering.run(.pause) }
}

/// `fature rebalance resume`.
struct RebalanceResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Go on with a paused plan.",
        discussion: """
            Example: fature rebalance resume

            Exit status: 0 it goes on, 1 no such plan, 4 it is not paused, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, \
            77 wrong password, 78 no cluster named.
            """)

    @OptionGroup var steering: RebalanceSteering

    func run() throws { try steering.run(.resume) }
}

/// `fature rebalance abort`.
struct RebalanceAbortCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract: "Give a plan up. What has moved stays where it is, moves that are under way end, no other begins.",
        discussion: """
            Workers that the plan has made draining stay so: `fature worker uncordon` opens them.

            Example: fature rebalance abort 7 --reason 'the machine stays'

            Exit status: 0 aborted, 1 no such plan, 4 it has ended already, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, \
            77 wrong password, 78 no cluster named.
            """)

    @OptionGroup var steering: RebalanceSteering

    func run() throws { try steering.run(.abort) }
}

/// What the commands that change a plan share.
struct RebalanceSteering: ParsableArguments {
    @Argument(help: ArgumentHelp("The plan's number; without one that which is under way.", valueName: "plan"))
    var number: Int64?

    @Option(help: ArgumentHelp("Why; it stands with the plan and in the audit.", valueName: "text"))
    var reason: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run(_ action: RebalanceAction) throws {
        try RebalanceCommand.explained {
            let port = try administration.port("rebalance \(action.rawValue)")
            let document = try port.steer(try number ?? Self.numberUnderWay(port), action, reason: reason)
            try RebalanceOutcome.show(document, asJSON: json)
        }
    }

    private static func numberUnderWay(_ port: some AdministrationPort) throws -> Int64 {
        let none = CommandError(.negative, "no plan is under way; `fature rebalance ls` shows those that are kept")
        let plan: RebalanceDocument
        do { plan = try port.currentPlan() } catch let fault as AdministrationFault where fault.code == .unknownPlan {
            throw none
        }
        guard let number = plan.plan, plan.knownState?.isUnderWay == true else { throw none }
        return number
    }
}
