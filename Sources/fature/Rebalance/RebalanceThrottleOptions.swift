import Administration
import ArgumentParser
import Store

/// How fast a plan may be carried out, as flags.
struct RebalanceThrottleOptions: ParsableArguments {
    private static let defaults = RebalanceThrottles()

    @Option(help: ArgumentHelp("Hand-offs under way at once, whoever ordered them.", valueName: "n"))
    var movesAtOnce = Int(defaults.movesAtOnce)

    @Option(help: ArgumentHelp("So many of them from one worker.", valueName: "n"))
    var perSource = Int(defaults.movesPerSource)

    @Option(help: ArgumentHelp("So many of them to one worker.", valueName: "n"))
    var perTarget = Int(defaults.movesPerTarget)

    @Option(help: ArgumentHelp("How many changes a target may be behind before its shard is sealed.", valueName: "n"))
    var lag = defaults.lagChangesMax

    @Option(
        help: ArgumentHelp(
            "How long writes of a shard may wait at its source, in milliseconds; then that hand-off is given up and tried again later.",
            valueName: "ms"))
    var hold = defaults.holdMillisecondsMax

    @Option(
        help: ArgumentHelp(
            "Begin no move while the slowest gateway's p99 is above so many milliseconds. Default: none.", valueName: "ms"))
    var maxP99: Int64?

    func validate() throws {
        func check(_ flag: String, _ value: Int64, _ range: ClosedRange<Int64>, _ unit: String = "") throws {
            guard range.contains(value) else {
                throw ValidationError("\(flag) \(value): give \(range.lowerBound) to \(range.upperBound)\(unit)")
            }
        }
        for (flag, value) in [("--moves-at-once", movesAtOnce), ("--per-source", perSource), ("--per-target", perTarget)] {
            try check(flag, Int64(value), RebalanceThrottleRanges.moves)
        }
        try check("--lag", lag, RebalanceThrottleRanges.lag)
        try check("--hold", hold, RebalanceThrottleRanges.hold, " milliseconds")
        if let maxP99 { try check("--max-p99", maxP99, RebalanceThrottleRanges.p99, " milliseconds") }
    }

    var throttles: RebalanceThrottles {
        var throttles = RebalanceThrottles()
        throttles.movesAtOnce = Int64(movesAtOnce)
        throttles.movesPerSource = Int64(perSource)
        throttles.movesPerTarget = Int64(perTarget)
        throttles.lagChangesMax = lag
        throttles.holdMillisecondsMax = hold
        throttles.p99MicrosecondsMax = maxP99.map { $0 * 1_000 }
        return throttles
    }
}
