import Glibc
import LoadPlan
import LoadRecord

/// Makes records that look like runs and are none: the same parameters give the same record. Times follow a log-logistic law, whose long tail is like a server's.
struct SampleRun {
    var seconds = 60
    var rate = 50_000
    var seed: UInt64 = 1
    /// Every time is so much longer.
    var slowness = 1.0
    /// The server stood still for a second from here; nil: never.
    var stallAt: Int? = 31
    var hasEvents = true
    var hasErrors = true
    var objectives = ["p99<10ms", "p99.9<50ms", "errors==0", "rate>=49000", "lost==0", "doubled==0", "gap<2s"]
    var name = "queries-50k"
    var phases: [Phase]?

    static let operations = [
        WeightedOperation(name: "network", operation: .network(depth: 5, limit: 50), weight: 60),
        WeightedOperation(name: "upline", operation: .upline, weight: 25),
        WeightedOperation(name: "affiliate", operation: .affiliate, weight: 10),
        WeightedOperation(name: "rankings", operation: .rankings(metric: "network_size", limit: 10), weight: 5),
    ]
    private static let medians = [900.0, 420, 300, 2200]
    private static let shardCount = 8

    func record() throws -> RunRecord {
        var scenario = Scenario(
            name: name,
            phases: phases ?? [Phase(name: "steady", seconds: Double(seconds), shape: .constant(rate: Double(rate)))],
            operations: Self.operations)
        scenario.summary = "Queries at the mission's rate: mostly networks, some uplines, few rankings."
        scenario.seed = 42
        scenario.warmUpSeconds = 5
        scenario.maxInFlight = 60_000
        scenario.objectives = try objectives.map { try Objective($0) }
        scenario.affiliates = AffiliateChoice(zipf: 0.9, hotRoot: 13_369_082, hotShare: 0.2)
        var record = RunRecord(
            scenario: scenario,
            environment: RunEnvironment(
                target: "https://127.0.0.1:8080", processor: "A processor that does not exist", cores: 2, kernel: "Linux 6.1.0",
                commit: "0123abc", versionText: "0.4.0"),
            startedAtMicroseconds: 1_795_000_000_000_000)
        record.seconds = Double(seconds)
        var random = Scatter(state: seed)
        record.shards = (0..<Self.shardCount).map { ShardRecord(shard: $0) }
        for second in 0..<seconds { addWindow(second, to: &record, &random) }
        record.agents = [
            AgentRecord(name: "agent-1", cpuShare: 0.61, sent: rate * seconds, connectionsLost: hasErrors ? 1 : 0, goAways: 0)
        ]
        if let stallAt { record.longestGap = GapRecord(fromSeconds: Double(stallAt), seconds: 1.004) }
        if hasEvents {
            record.events = [
                EventRecord(atSeconds: 18, label: "rebalance: shard 3 moves to worker-2", exitStatus: 0, tookSeconds: 3.4),
                EventRecord(atSeconds: 31, label: "worker-1 stopped for a second", exitStatus: 0, tookSeconds: 1),
                EventRecord(atSeconds: 45, label: "deploy", exitStatus: nil),
            ]
        }
        var ledger = LedgerVerdict()
        ledger.accepted = 120_000
        ledger.unanswered = hasErrors ? 4 : 0
        record.ledger = ledger
        var answers = AnswerVerdict()
        answers.compared = 196
        answers.skipped = 4
        record.answers = answers
        return record
    }

    private func addWindow(_ second: Int, to record: inout RunRecord, _ random: inout Scatter) {
        var window = WindowRecord()
        let isMoving = hasEvents && (18..<22).contains(second)
        let jitter = (0.93 + 0.14 * random.share()) * (isMoving ? 1.7 : 1) * slowness
        var waited = 0.0
        for (index, operation) in Self.operations.enumerated() {
            let count = rate * Int(operation.weight) / 100
            var errors = 0
            if hasErrors, second == stallAt {
                errors = count / 900
                record.operations[index].outcomes[.timeout] += errors - errors / 3
                window.outcomes[.timeout] += errors - errors / 3
                record.operations[index].outcomes[.lost] += errors / 3
                window.outcomes[.lost] += errors / 3
            } else if hasErrors, isMoving {
                errors = count / 9000
                record.operations[index].outcomes[.failed] += errors
                record.operations[index].statuses[503, default: 0] += errors
                window.outcomes[.failed] += errors
            }
            let shard = (second + index) % Self.shardCount
            let slice = second / record.sliceSeconds
            while record.operations[index].slices.count <= slice {
                record.operations[index].slices.append(TimeHistogram(.coarse))
            }
            var left = count - (second == stallAt ? errors : 0)
            for (from, to) in Self.strata {
                let some = to == 1 ? left : min(left, Int((Double(count) * (to - from)).rounded()))
                left -= some
                guard some > 0 else { continue }
                let at = from + (to - from) * random.share()
                let service = Self.medians[index] * jitter * pow(at / (1 - at * 0.999_999), 0.27)
                let slip = 6 + 30 * pow(at, 12) + 40 * random.share() * pow(at, 60)
                var wait = 0.0
                if second == stallAt { wait = 1_000_000 * random.share() }
                if let stallAt, second == stallAt + 1, at > 0.6 { wait = 240_000 * (at - 0.6) }
                let response = UInt64(service + slip + wait)
                record.operations[index].response.record(microseconds: response, count: UInt64(some))
                record.operations[index].service.record(microseconds: UInt64(service + wait), count: UInt64(some))
                record.operations[index].slip.record(microseconds: UInt64(slip), count: UInt64(some))
                record.operations[index].slices[slice].record(microseconds: response, count: UInt64(some))
                window.response.record(microseconds: response, count: UInt64(some))
                record.shards[shard].response.record(microseconds: response, count: UInt64(some))
                waited += Double(response) * Double(some)
            }
            let ok = count - errors
            record.operations[index].planned += count
            record.operations[index].outcomes[.ok] += ok
            record.operations[index].statuses[200, default: 0] += ok
            record.operations[index].bytes += ok * (index == 0 ? 1900 : 260)
            record.shards[shard].outcomes[.ok] += ok
            window.planned += count
            window.outcomes[.ok] += ok
        }
        window.answered =
            second == stallAt
            ? window.planned / 60 : second - 1 == stallAt ? window.planned * 2 - window.planned / 50 : window.planned
        window.inFlightMax = second == stallAt ? rate - rate / 60 : Int(waited / 1_000_000 * (1.5 + random.share()))
        window.slipMaxMicroseconds = UInt64(60 + 60 * random.share())
        record.windows.append(window)
    }

    /// Fine towards the slow end, where percentiles are looked for.
    private static let strata: [(Double, Double)] = {
        var edges = (0..<90).map { Double($0) / 100 }
        edges += (0..<18).map { 0.9 + 0.005 * Double($0) }
        edges += (0..<9).map { 0.99 + 0.001 * Double($0) }
        edges += (0..<10).map { 0.999 + 0.0001 * Double($0) }
        edges.append(1)
        return zip(edges, edges.dropFirst()).map { ($0, $1) }
    }()

    struct Scatter {
        var state: UInt64

        /// From 0 to 1.
        mutating func share() -> Double {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return Double((mixed ^ (mixed >> 31)) >> 11) / Double(1 << 53)
        }
    }
}
