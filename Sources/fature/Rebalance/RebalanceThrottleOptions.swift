import ArgumentParser
import Store

/// How fast a plan may be carried out, as flags.
struct RebalanceThrottleOptions: ParsableArguments {
    static let movesMax = 256
    static let lagMax: Int64 = 1_000_000
    /// Writes of a shard never wait longer.
    static let hold: ClosedRange<Int64> = 10...1_000
    static let p99: ClosedRange<Int64> = 1...60_000

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
        for (flag, value) in [("--moves-at-once", movesAtOnce), ("--per-source", perSource), ("--per-target", perTarget)] {
            guard (1...Self.movesMax).contains(value) else {
                throw ValidationError("\(flag) \(value): give 1 to \(Self.movesMax)")
            }
        }
        guard (0...Self.lagMax).contains(lag) else { throw ValidationError("--lag \(lag): give 0 to \(Self.lagMax)") }
        guard Self.hold.contains(hold) else {
            throw ValidationError("--hold \(hold): give \(Self.hold.lowerBound) to \(Self.hold.upperBound) milliseconds")
        }
        if let maxP99, !Self.p99.contains(maxP99) {
            throw ValidationError("--max-p99 \(maxP99): give \(Self.p99.lowerBound) to \(Self.p99.upperBound) milliseconds")
        }
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
