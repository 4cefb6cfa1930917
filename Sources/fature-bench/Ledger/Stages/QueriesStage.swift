/// Queries in an open loop, alone and while transactions flow.
struct QueriesStage {
    private static let connections = 8

    let bench: LedgerBench

    init(_ bench: LedgerBench) { self.bench = bench }

    func run() throws {
        let queryRate = bench.options.queryRate
        let rate = bench.options.latencyRate
        LedgerBench.say("\(queryRate) queries/s alone, then beside \(rate) transactions/s, \(bench.options.seconds) s each")
        try bench.settle()
        let alone = try queries()
        let aloneProcessor = try generatorSeconds { LoadLoop().run([alone]) }
        try Interruption.check()
        let beside = try queries()
        let report = try LoadReport.measure(bench, try bench.load(.open(perSecond: rate)), beside: [beside])
        let besideProcessor = report.times.first { $0.name == ProcessTimes.generator }?.row.total ?? 0

        print(
            "\ndepth-5 counts of random affiliates over HTTP/2, open loop, \(Figure.thousands(queryRate)) req/s on \(Self.connections) connections,",
            "from the planned time to the answer")
        var table = MarkdownTable(["load"] + Latencies.header + ["sent late, p99", "not 200", "generator, cores", "goal (p99)"])
        for (name, load, processor, goal) in [
            ("queries alone", alone, aloneProcessor, ""),
            ("beside \(Figure.thousands(rate)) transactions/s", beside, besideProcessor, "< 10 ms"),
        ] {
            table.add(
                [name] + load.latencies.cells + [
                    Figure.milliseconds(microseconds: load.slips.permille([990])[0]),
                    "\(Figure.thousands(load.failed)) of \(Figure.thousands(load.total))",
                    Figure.decimals(processor / Double(bench.options.seconds), 2), goal,
                ])
        }
        table.print()
        print("\nthe transactions meanwhile")
        report.printThroughput()
        report.printTimes()
    }

    private func queries() throws -> QueryLoad {
        try QueryLoad(
            port: bench.cluster.port, connections: Self.connections, picker: bench.picker, seed: bench.options.seed &+ 1,
            perSecond: bench.options.queryRate, seconds: bench.options.seconds)
    }

    private func generatorSeconds(_ work: () -> Void) throws -> Double {
        let before = try bench.processTimes()
        work()
        return try bench.processTimes().since(before).first { $0.name == ProcessTimes.generator }?.row.total ?? 0
    }
}
