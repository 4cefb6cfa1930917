import Foundation

extension Benchmark {
    static let torture = Benchmark(
        name: "torture", usage: TortureOptions.usage,
        summary:
            "a million transactions on the demo network while its processes are killed; then `fature reconcile` must find nothing"
    ) { arguments in
        try Torture(TortureOptions(arguments)).run()
    }
}

/// The demo network takes transactions while every few seconds something happens to a process of the cluster, and `fature up` starts again what
/// died. Once all are accepted and paid, nothing may be missing, doubled or a cent off.
struct Torture {
    private let options: TortureOptions

    private static let connections = 4
    private static let batch = 200
    private static let requestsInFlight = 8
    /// Accepted and not yet paid, at which the load waits.
    private static let waitingMax = 50_000
    private static let secondsMax = 86_400
    private static let drainSecondsMax = 600

    init(_ options: TortureOptions) { self.options = options }

    func run() throws {
        Interruption.watch()
        LedgerBench.say("starting a cluster with the demo network")
        let cluster = try BenchCluster()
        defer { cluster.stop() }
        try Machine.describe()
        print(
            "\(Figure.thousands(options.transactions)) transactions on the demo network, a mishap every \(options.everySeconds) s on average, seed \(options.seed)"
        )
        var ledger = try LedgerOptions([])
        ledger.seed = options.seed
        var bench = try LedgerBench(ledger, cluster)
        let load = try TransactionLoad(
            port: cluster.port, connections: Self.connections, feed: bench.feed, book: bench.book,
            pace: .closed(inFlight: Self.requestsInFlight, gauge: bench.gauge, waitingMax: Self.waitingMax), batch: Self.batch,
            seconds: Self.secondsMax, countMax: options.transactions)
        let mishaps = Mishaps(cluster, everySeconds: options.everySeconds, seed: options.seed)
        let start = Date()
        mishaps.start()
        LoadLoop().run([load])
        let happened = mishaps.stop()
        try Interruption.check()
        let seconds = Date().timeIntervalSince(start)
        print(
            "\nmishaps in \(Figure.decimals(seconds, 0)) s: \(happened.map { "\($0.count) × \($0.name)" }.joined(separator: ", "))"
        )
        print("answers: \(LoadTally.text(load.tally.answers)); transactions: \(LoadTally.text(load.tally.items))")
        guard load.tally.unanswered == 0, bench.book.acceptedCount == options.transactions else {
            throw Shell.Failure(
                description: "\(bench.book.acceptedCount) of \(options.transactions) transactions were accepted")
        }
        // The connection of before has died with PostgreSQL.
        try bench.connectAnew(withinSeconds: Self.drainSecondsMax)
        let paying = Date()
        try bench.clock.waitUntilDrained(secondsMax: Self.drainSecondsMax)
        print("all paid \(Figure.decimals(Date().timeIntervalSince(paying), 1)) s after the last was accepted")
        try LedgerCheck(bench).run()
        print("\n$ fature reconcile --stuck-after-seconds 0")
        print(try cluster.command("reconcile", "--stuck-after-seconds", "0"))
    }
}
