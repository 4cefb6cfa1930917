import Core
import Foundation

/// Keeps the load running until Ctrl-C, so that one can look at what works at it with `perf` and the like.
struct HeldLoad {
    private static let reportSeconds = 5

    let bench: LedgerBench

    init(_ bench: LedgerBench) { self.bench = bench }

    func run() throws {
        let processes = try bench.cluster.processes.map { "\($0.name) \($0.pid)" }.joined(separator: ", ")
        print("folder (cluster.json names its PostgreSQL and Redis): \(bench.cluster.directory.path)\nprocesses: \(processes)")
        fflush(nil)
        let pace: TransactionLoad.Pace = bench.options.isRateGiven ? .open(perSecond: bench.options.rate) : bench.closedPace
        while !Interruption.isAsked {
            let load = try bench.load(pace, seconds: Self.reportSeconds)
            let paidBefore = try paid()
            let before = try bench.processTimes()
            LoadLoop().run([load])
            let times = try bench.processTimes().since(before).map {
                "\($0.name) \(Figure.decimals($0.row.total / Double(Self.reportSeconds), 2))"
            }
            print(
                "accepted \(Figure.thousands(load.tally.accepted / Self.reportSeconds))/s, paid \(Figure.thousands((try paid() - paidBefore) / Int64(Self.reportSeconds)))/s,",
                "jobs in Redis \(Figure.thousands(try bench.gauge.jobs())); cores: \(times.joined(separator: ", "))")
            fflush(nil)
        }
    }

    /// From the server's statistics, which lag by a second or so.
    private func paid() throws -> Int64 {
        try bench.connection.execute(
            """
            SELECT coalesce(sum(n_tup_upd), 0)::bigint FROM pg_stat_user_tables
            WHERE schemaname = 'fature_v2' AND relname LIKE 'transactions\\_%'
            """
        ).int(0, 0)
    }
}
