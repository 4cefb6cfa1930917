/// How long a transaction waits for its commissions at half the goal's rate, and how long a request of a single transaction takes.
struct LatencyStage {
    private static let singlesPerSecond = 50
    private static let aloneSeconds = 10

    let bench: LedgerBench

    init(_ bench: LedgerBench) { self.bench = bench }

    func run() throws {
        let rate = bench.options.latencyRate
        LedgerBench.say("single transactions alone, \(Self.aloneSeconds) s")
        let alone = try bench.load(.open(perSecond: Self.singlesPerSecond), batch: 1, seconds: Self.aloneSeconds)
        LoadLoop().run([alone])
        try Interruption.check()
        try bench.clock.waitUntilDrained()
        let quiet = try bench.clock.latency(from: alone.tally.startMicroseconds)

        LedgerBench.say("\(rate) transactions/s with single ones beside them, \(bench.options.seconds) s")
        let singles = try bench.load(.open(perSecond: Self.singlesPerSecond), batch: 1)
        let report = try LoadReport.measure(bench, try bench.load(.open(perSecond: rate)), beside: [singles])
        let busy = try bench.clock.latency(from: report.tally.startMicroseconds)

        print(
            "\nfrom acceptance to the committed commission: accepted_at of the row to pg_xact_commit_timestamp of the paying transaction, every",
            "transaction counted; the stamp is taken before its flush, \(Figure.decimals(report.log.flushMilliseconds / max(report.log.flushes, 1), 2)) ms on average"
        )
        var table = MarkdownTable(["load"] + Latencies.header + ["goal (p99)"])
        table.add(["\(Self.singlesPerSecond) single transactions/s alone"] + quiet.cells + [""])
        table.add(["\(Figure.thousands(rate)) transactions/s, \(bench.options.batch) a request"] + busy.cells + ["< 1 s"])
        table.print()
        print("\na request of one transaction, open loop, from its planned time to the answer that it is committed")
        var requests = MarkdownTable(["load"] + Latencies.header)
        requests.add(["alone"] + alone.tally.responses.cells)
        requests.add(["beside \(Figure.thousands(rate)) transactions/s"] + singles.tally.responses.cells)
        requests.print()
        print("\nthe transactions meanwhile")
        report.printThroughput()
        print("single ones: requests: \(LoadTally.text(singles.tally.answers))")
        report.printTimes()
    }
}
