/// A fixed rate at planned times, whatever the answers do: does the cluster keep up?
struct FixedRateStage {
    let bench: LedgerBench

    init(_ bench: LedgerBench) { self.bench = bench }

    func run() throws {
        let rate = bench.options.rate
        LedgerBench.say("\(rate) transactions/s, \(bench.options.seconds) s")
        let report = try LoadReport.measure(bench, try bench.load(.open(perSecond: rate)))
        print("\nfixed rate, open loop: \(Figure.thousands(rate)) transactions/s for \(Figure.decimals(report.seconds, 0)) s")
        report.printThroughput()
        report.printTimes()
    }
}
