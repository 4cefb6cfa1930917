/// The flags of `fature-bench ledger`.
struct LedgerOptions {
    enum Stage: String, CaseIterable {
        case peer, most, rate, latency, queries, backlog
    }

    static let usage = """
        ledger [--seconds N] [--stages peer,most,rate,latency,queries,backlog] [--batch N] [--in-flight N] [--waiting-max N] [--rate N]
               [--latency-rate N] [--query-rate N] [--bets PERCENT] [--zipf S] [--seed N] [--backlog N] [--redis-mib N] [--rounds N] [--hold]
        """

    var stages = Stage.allCases
    /// How long each load lasts.
    var seconds = 60
    /// Transactions in a request.
    var batch = 200
    /// Requests under way at a time where the load is a closed loop.
    var inFlight = 8
    /// Transactions accepted and not yet paid, at which the closed loop waits.
    var waitingMax = 20_000
    /// Transactions a second of the fixed rate: the goal.
    var rate = 20_000
    /// Transactions a second while latencies are measured: half the goal.
    var latencyRate = 10_000
    /// Queries a second beside them.
    var queryRate = 10_000
    /// How many of 100 transactions are bets; the others are deposits.
    var betsPercent = 50
    /// Exponent of the choice of affiliates, 0: all alike.
    var zipf = 0.0
    var seed: UInt64 = 1
    /// How many jobs wait in the backlog's stage.
    var backlog = 500_000
    /// Redis' `maxmemory` in the backlog's stage, far below what the backlog needs.
    var redisMebibytes = 16
    /// How often peer and closed loop take turns.
    var rounds = 1
    /// Keeps the load running until Ctrl-C, for a look at what works at it: at `rate` if that was given, else as a closed loop.
    var isHeld = false
    private(set) var isRateGiven = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            if flag == "--hold" {
                isHeld = true
                continue
            }
            guard let value = rest.popFirst() else { throw UsageError(description: "\(flag) needs a value\n\(Self.usage)") }
            try set(flag, value)
        }
    }

    private mutating func set(_ flag: String, _ value: String) throws {
        func number(_ range: ClosedRange<Int>) throws -> Int {
            guard let number = Int(value), range.contains(number) else {
                throw UsageError(description: "\(flag) \(value): give \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        switch flag {
        case "--seconds": seconds = try number(1...86_400)
        // One request takes 1,000 at most.
        case "--batch": batch = try number(1...1000)
        case "--in-flight": inFlight = try number(1...1024)
        case "--waiting-max": waitingMax = try number(1...100_000_000)
        case "--rate":
            rate = try number(1...1_000_000)
            isRateGiven = true
        case "--latency-rate": latencyRate = try number(1...1_000_000)
        case "--query-rate": queryRate = try number(1...1_000_000)
        case "--bets": betsPercent = try number(0...100)
        case "--seed": seed = UInt64(try number(0...Int.max))
        case "--backlog": backlog = try number(1000...100_000_000)
        case "--redis-mib": redisMebibytes = try number(8...1_048_576)
        case "--rounds": rounds = try number(1...100)
        case "--zipf":
            guard let exponent = Double(value), (0...4).contains(exponent) else {
                throw UsageError(description: "--zipf \(value): give 0 to 4")
            }
            zipf = exponent
        case "--stages":
            stages = try value.split(separator: ",").map { name in
                guard let stage = Stage(rawValue: String(name)) else {
                    throw UsageError(
                        description: "--stages \(name): give some of \(Stage.allCases.map(\.rawValue).joined(separator: ","))")
                }
                return stage
            }
        default: throw UsageError(description: "unknown flag \(flag)\n\(Self.usage)")
        }
    }
}
