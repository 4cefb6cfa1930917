import Core
import Foundation
import Telemetry

/// Many jobs wait: what that costs the workers and Redis in memory, and how fast they are paid once nobody holds them back.
///
/// The queue is paused, Redis gets a limit far below what the backlog needs, and transactions are accepted until enough of them wait.
struct BacklogStage {
    private static let batch = 1000
    private static let pausedSeconds = 10

    let bench: LedgerBench
    private var table = MarkdownTable([
        "moment", "worker-1, resident", "worker-2, resident", "Redis, used", "jobs in Redis", "waiting in PostgreSQL",
    ])

    init(_ bench: LedgerBench) { self.bench = bench }

    mutating func run() throws {
        let wanted = bench.options.backlog
        LedgerBench.say("backlog of \(wanted)")
        try bench.settle()
        try look("before")
        try bench.gauge.setPaused(true)
        try bench.gauge.setMemoryMax(bench.options.redisMebibytes << 20)
        let refusalsBefore = try bench.gauge.refusals()
        let load = try bench.load(
            .closed(inFlight: bench.options.inFlight, gauge: nil, waitingMax: .max), batch: Self.batch, seconds: 86_400,
            countMax: wanted)
        LoadLoop().run([load])
        try Interruption.check()
        try look("all accepted, queue paused")
        // The sweepers go on trying to give Redis what it has no room for.
        sleep(UInt32(Self.pausedSeconds))
        try look("\(Self.pausedSeconds) s later")
        try bench.gauge.setPaused(false)
        let resumedAt = wallClockMicroseconds()
        var most = [0, 0, 0]
        try watchDrain(&most)
        try look("all paid")
        let refusals = try bench.gauge.refusals() - refusalsBefore
        try bench.gauge.setMemoryMax(0)

        let seconds = Double(load.tally.endMicroseconds - load.tally.startMicroseconds) / 1_000_000
        print(
            "\nbacklog of \(Figure.thousands(wanted)) transactions, Redis limited to \(bench.options.redisMebibytes) MiB (noeviction); accepted at",
            "\(Figure.thousands(Double(load.tally.accepted) / max(seconds, 0.001))) transactions/s while nothing was paid")
        table.print()
        let paid = try bench.clock.backlog(from: load.tally.startMicroseconds, at: resumedAt)
        let drained = max(Double(paid.lastPaidAt - resumedAt) / 1_000_000, 0.001)
        print(
            "paid at \(Figure.thousands(Double(paid.waiting) / drained)) transactions/s (\(Figure.decimals(drained, 1)) s); most seen meanwhile:",
            "worker-1 \(Figure.mebibytes(most[0])), worker-2 \(Figure.mebibytes(most[1])), Redis \(Figure.mebibytes(most[2]));",
            "Redis said no to \(Figure.thousands(refusals)) commands")
        LoadReport.printAnswers(load.tally)
    }

    // MARK: Memory

    private func memory() throws -> [Int] {
        let processes = try bench.cluster.processes
        func resident(_ name: String) -> Int {
            processes.first { $0.name == name }.map { ProcessMemory.resident($0.pid).now } ?? 0
        }
        return [resident("worker-1"), resident("worker-2"), try bench.gauge.info("memory", "used_memory")]
    }

    private mutating func look(_ moment: String) throws {
        let waiting = try bench.connection.execute(
            "SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead"
        ).int(0, 0)
        table.add(
            [moment] + (try memory()).map { Figure.mebibytes($0) } + [
                Figure.thousands(try bench.gauge.jobs()), Figure.thousands(waiting),
            ])
    }

    private func watchDrain(_ most: inout [Int]) throws {
        let sql = "SELECT EXISTS (SELECT FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead)"
        while try bench.connection.execute(sql).bool(0, 0) {
            try Interruption.check()
            for (index, bytes) in try memory().enumerated() { most[index] = max(most[index], bytes) }
            usleep(250_000)
        }
    }
}
