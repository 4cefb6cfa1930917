/// What the cluster takes in and pays in a closed loop, and the same work in the database, in turn.
struct ThroughputStage {
    private static let goal = 20_000.0
    private static let ratioGoal = 2.5

    let bench: LedgerBench
    let withPeer: Bool
    let withOurs: Bool

    init(_ bench: LedgerBench, withPeer: Bool, withOurs: Bool) {
        self.bench = bench
        self.withPeer = withPeer
        self.withOurs = withOurs
    }

    func run() throws {
        var peers: [InDatabasePeer.Kind: [InDatabasePeer.Figures]] = [:]
        var ours: [LoadReport] = []
        let peer = withPeer ? try InDatabasePeer(bench) : nil
        for round in 1...bench.options.rounds {
            if let peer { peers[.lean, default: []].append(try peer.run(.lean, seconds: bench.options.seconds)) }
            try Interruption.check()
            if withOurs {
                LedgerBench.say("closed loop, \(bench.options.seconds) s")
                let report = try LoadReport.measure(bench, try bench.load(bench.closedPace))
                ours.append(report)
                print(
                    "\nclosed loop, round \(round): \(bench.options.inFlight) requests under way, as long as fewer than",
                    "\(Figure.thousands(bench.options.waitingMax)) transactions wait to be paid; \(Figure.decimals(report.seconds, 0)) s"
                )
                report.printThroughput()
                report.printTimes()
            }
            for kind in [InDatabasePeer.Kind.withTotals, .inTwoCommits] {
                if let peer { peers[kind, default: []].append(try peer.run(kind, seconds: bench.options.seconds)) }
                try Interruption.check()
            }
        }
        try peer?.drop()
        printComparison(peers, ours)
    }

    private func printComparison(_ peers: [InDatabasePeer.Kind: [InDatabasePeer.Figures]], _ ours: [LoadReport]) {
        print(
            "\nend to end against the same work in the database (pgbench, \(InDatabasePeer.clients) clients, prepared, no network or parsing;",
            "\(bench.options.seconds) s each, median of \(bench.options.rounds))")
        var table = MarkdownTable(["what", "transactions, /s", "entries, /s", "ours against it (median)", "goal"])
        for kind in InDatabasePeer.Kind.allCases {
            guard let figures = peers[kind] else { continue }
            let ratios = zip(figures, ours).map { $1.paidPerSecond / $0.transactions }
            table.add([
                kind.name, Figure.thousands(Figure.median(figures.map(\.transactions))),
                Figure.thousands(Figure.median(figures.map(\.entries))),
                ratios.isEmpty ? "" : Figure.decimals(Figure.median(ratios), 2),
                kind == .lean ? "≥ \(Figure.decimals(Self.ratioGoal, 1))" : "",
            ])
        }
        if !ours.isEmpty {
            table.add([
                "ours, accepted and paid, mean", Figure.thousands(Figure.median(ours.map(\.paidPerSecond))),
                Figure.thousands(Figure.median(ours.map(\.entriesPerSecond))), "", "",
            ])
            table.add([
                "ours, sustained (least of any \(LedgerClock.windowSeconds) s)",
                Figure.thousands(Figure.median(ours.map(\.sustained))), "",
                "", "≥ \(Figure.thousands(Self.goal))",
            ])
        }
        table.print()
    }
}
