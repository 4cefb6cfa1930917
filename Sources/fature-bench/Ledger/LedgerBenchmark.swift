import Foundation

extension Benchmark {
    static let ledger = Benchmark(
        name: "ledger", usage: LedgerOptions.usage,
        summary:
            "transactions end to end against the same work in the database, their latency, queries meanwhile, a backlog; all checked"
    ) { arguments in
        try LedgerBenchmark(LedgerOptions(arguments)).run()
    }
}

/// Transactions from the request to the committed commission, on a whole cluster with the demo network.
struct LedgerBenchmark {
    let options: LedgerOptions

    /// Say when each transaction was committed, and how long the flushes took.
    private static let settings = ["track_commit_timestamp": "on", "track_wal_io_timing": "on"]

    init(_ options: LedgerOptions) { self.options = options }

    func run() throws {
        Interruption.watch()
        LedgerBench.say("starting a cluster with the demo network")
        let cluster = try BenchCluster()
        defer { cluster.stop() }
        try cluster.restart(settings: Self.settings)
        let bench = try LedgerBench(options, cluster)
        try Machine.describe()
        print(
            "choice of affiliates: \(options.zipf > 0 ? "Zipf, exponent \(options.zipf)" : "all alike"), active ones; bets \(options.betsPercent)%, else deposits;",
            "\(options.batch) transactions a request; seed \(options.seed); PostgreSQL with \(Self.settings.keys.sorted().joined(separator: ", ")) on"
        )
        guard !options.isHeld else { return try HeldLoad(bench).run() }
        let stages = Set(options.stages)
        if stages.contains(.peer) || stages.contains(.most) {
            try ThroughputStage(bench, withPeer: stages.contains(.peer), withOurs: stages.contains(.most)).run()
        }
        if stages.contains(.rate) { try FixedRateStage(bench).run() }
        if stages.contains(.latency) { try LatencyStage(bench).run() }
        if stages.contains(.queries) { try QueriesStage(bench).run() }
        if stages.contains(.backlog) {
            var stage = BacklogStage(bench)
            try stage.run()
        }
        try Interruption.check()
        try LedgerCheck(bench).run()
    }
}
