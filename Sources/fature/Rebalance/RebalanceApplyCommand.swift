import Administration
import ArgumentParser

/// `fature rebalance apply`.
struct RebalanceApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Have the coordinator carry a plan out, exactly as it stands.",
        discussion: """
            If one of its shards has another owner or epoch by now, or one of its targets is gone, all of it is refused and nothing is done. Requests go on \
            while shards move. One plan at a time may be under way.

            Example: fature rebalance apply 7 --wait
            Example: fature rebalance apply 7 --moves-at-once 8 --per-target 4 --hold 300 --max-p99 20

            Exit status: 0 done, or nothing was to be moved, 1 no such plan, 2 moves are pending, 3 partial: some moves failed or it was aborted, \
            4 refused: nothing was done, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, 77 wrong password, 78 no cluster named.
            """)

    @Argument(help: ArgumentHelp("The plan's number.", valueName: "plan"))
    var number: Int64

    @OptionGroup(title: "Throttles") var throttles: RebalanceThrottleOptions

    @Flag(help: "Return when the plan has ended.")
    var wait = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try RebalanceCommand.explained {
            let port = try administration.port("rebalance apply")
            try RebalanceOutcome.apply(number, throttles.throttles, isWaiting: wait, by: port) {
                try RebalanceOutcome.show($0, asJSON: json)
            }
        }
    }
}

/// `fature rebalance status`.
struct RebalanceStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say how far a plan is: the one that is under way, or else the newest, or the one given.",
        discussion: """
            Example: fature rebalance status --watch
            Example: fature rebalance status 7 --json

            Exit status: 0 done, or nothing was to be moved, 1 no such plan, 2 moves are pending: planned, under way or paused, 3 partial: some moves \
            failed or it was aborted, 4 it was refused, 64 bad flag, 69 no PostgreSQL, 76 schema of another version, 77 wrong password, \
            78 no cluster named.
            """)

    @Argument(help: ArgumentHelp("The plan's number.", valueName: "plan"))
    var number: Int64?

    @Flag(help: "Tell how it goes on until it has ended, then show it.")
    var watch = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try RebalanceCommand.explained {
            let port = try administration.port("rebalance status")
            var plan = try number.map { try port.plan(number: $0) } ?? port.currentPlan()
            if watch { plan = try RebalanceOutcome.wait(for: plan, by: port) }
            try RebalanceOutcome.end(with: plan) { try RebalanceOutcome.show($0, asJSON: json) }
        }
    }
}
