import Core

/// Everything one load did, as tables.
struct LoadReport {
    let tally: LoadTally
    /// Transactions that all loads together had accepted.
    let accepted: Int
    let windows: LedgerClock.Windows
    /// Accepted and not yet paid when the load ended.
    let waiting: Int64
    let drainSeconds: Double
    let times: [(name: String, row: ProcessTimes.Row)]
    let log: WriteAheadLog
    let seconds: Double

    /// Runs a load, alone or beside other drivers, waits until everything is paid, and reads what happened.
    static func measure(_ bench: LedgerBench, _ load: TransactionLoad, beside others: [LoadDriver] = []) throws -> LoadReport {
        try bench.settle()
        let logBefore = try WriteAheadLog(on: bench.connection)
        let before = try bench.processTimes()
        LoadLoop().run([load] + others)
        try Interruption.check()
        try bench.clock.waitUntilDrained()
        let times = try bench.processTimes().since(before)
        let log = try WriteAheadLog(on: bench.connection).since(logBefore)
        let tally = load.tally
        let backlog = try bench.clock.backlog(from: tally.startMicroseconds, at: tally.endMicroseconds)
        return LoadReport(
            tally: tally,
            accepted: ([load] + others).reduce(0) { $0 + (($1 as? TransactionLoad)?.tally.accepted ?? 0) },
            windows: try bench.clock.windows(from: tally.startMicroseconds, to: tally.endMicroseconds),
            waiting: backlog.waiting,
            drainSeconds: max(0, Double(backlog.lastPaidAt - tally.endMicroseconds) / 1_000_000), times: times, log: log,
            seconds: Double(tally.endMicroseconds - tally.startMicroseconds) / 1_000_000)
    }

    /// Transactions paid a second, over the whole load.
    var paidPerSecond: Double { Self.mean(windows.paid) }
    var entriesPerSecond: Double { Self.mean(windows.entries) }
    /// The least of any window, accepted and paid: what was sustained.
    var sustained: Double { min(Self.least(windows.accepted), Self.least(windows.paid)) }

    private static func mean(_ counts: [Int64]) -> Double {
        counts.isEmpty ? 0 : Double(counts.reduce(0, +)) / Double(counts.count * LedgerClock.windowSeconds)
    }

    private static func least(_ counts: [Int64]) -> Double { Double(counts.min() ?? 0) / Double(LedgerClock.windowSeconds) }

    func printThroughput() {
        if windows.paid.isEmpty {
            print("(shorter than one window of \(LedgerClock.windowSeconds) s: no figures a second)")
        }
        var table = MarkdownTable(["what", "mean, /s", "least in \(LedgerClock.windowSeconds) s, /s"])
        for (name, counts) in [
            ("transactions accepted", windows.accepted), ("transactions paid", windows.paid),
            ("entries written", windows.entries),
        ] {
            table.add([name, Figure.thousands(Self.mean(counts)), Figure.thousands(Self.least(counts))])
        }
        table.print()
        print(
            "sustained: \(Figure.thousands(sustained)) transactions/s; waiting at the end: \(Figure.thousands(waiting)), paid",
            "\(Figure.decimals(drainSeconds, 2)) s later")
        Self.printAnswers(tally)
    }

    static func printAnswers(_ tally: LoadTally) {
        print(
            "requests: \(LoadTally.text(tally.answers)); transactions: \(LoadTally.text(tally.items)); sent again \(Figure.thousands(tally.retried)),",
            "refused \(Figure.thousands(tally.refused)), outcome unknown \(Figure.thousands(tally.unanswered))")
        let response = tally.responses.permille([500, 990])
        print(
            "a request's answer: p50 \(Figure.milliseconds(microseconds: response[0])), p99 \(Figure.milliseconds(microseconds: response[1]))",
            "from its planned time; sent late: p99 \(Figure.milliseconds(microseconds: tally.slips.permille([990])[0]))")
        for oddity in tally.oddities { print("unexpected: \(oddity)") }
    }

    /// Where the time goes.
    func printTimes() {
        let count = Double(max(accepted, 1))
        let elapsed = max(seconds + drainSeconds, 0.001)
        print("\nprocessor time, from the load's begin until all is paid")
        var table = MarkdownTable(["process", "user, s", "kernel, s", "cores", "µs a transaction"])
        var sum = ProcessTimes.Row()
        for (name, row) in times {
            sum.user += row.user
            sum.system += row.system
            table.add(cells(name, row, elapsed, count))
        }
        table.add(cells("all", sum, elapsed, count))
        table.print()
        print(
            "WAL: \(Figure.thousands(log.bytes / count)) bytes a transaction, \(Figure.decimals(log.flushes / elapsed, 0)) flushes/s,",
            "\(Figure.decimals(log.flushMilliseconds / max(log.flushes, 1), 2)) ms each")
    }

    private func cells(_ name: String, _ row: ProcessTimes.Row, _ elapsed: Double, _ count: Double) -> [String] {
        [
            name, Figure.decimals(row.user, 2), Figure.decimals(row.system, 2), Figure.decimals(row.total / elapsed, 2),
            Figure.decimals(row.total * 1_000_000 / count, 1),
        ]
    }
}
