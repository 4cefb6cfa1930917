import Core
import JobQueue
import RedisClient
import Synchronization
import TestServers

/// A Redis with a consumer whose handler does what a test says, and everything that was reported.
final class Works: Sendable {
    let redis: PrivateRedis
    let consumer: JobConsumer
    let sink: MemorySink
    let ledger: Ledger
    let gate: Gate

    /// - Parameter handle: does a batch; `Ledger.note` is called for what it says is done.
    static func start(
        redis: PrivateRedis, policy: JobPolicy = .quick, lanes: Int = 1, ledger: Ledger = Ledger(),
        sink: MemorySink = MemorySink(),
        handle: @escaping @Sendable (ClosureHandler, [Job], Gate) throws -> [JobOutcome] = { _, jobs, _ in jobs.map { _ in .done }
        }
    ) throws -> Works {
        try Works(redis, policy, lanes, ledger, sink, handle)
    }

    private init(
        _ redis: PrivateRedis, _ policy: JobPolicy, _ lanes: Int, _ ledger: Ledger, _ sink: MemorySink,
        _ handle: @escaping @Sendable (ClosureHandler, [Job], Gate) throws -> [JobOutcome]
    ) throws {
        self.redis = redis
        self.sink = sink
        self.ledger = ledger
        let gate = Gate()
        self.gate = gate
        let reported = Reports()
        reports = reported
        let configuration = try RedisConfiguration(
            url: redis.url, connectTimeoutMilliseconds: 1_000, commandTimeoutMilliseconds: 2_000)
        consumer = try JobConsumer(
            .commission, policy: policy, redis: configuration, lanes: lanes, sink: sink,
            makeHandler: { _ in
                ClosureHandler { handler, jobs in
                    let outcomes = try handle(handler, jobs, gate)
                    ledger.note(zip(jobs, outcomes).filter { if case .done = $0.1 { true } else { false } }.map(\.0))
                    return outcomes
                }
            }, report: { reported.note($0) })
        try consumer.start()
    }

    private let reports: Reports
    func has(_ isIt: (JobConsumerEvent) -> Bool) -> Bool { reports.has(isIt) }

    func queue() throws -> JobQueue { JobQueue(.commission, on: try redis.connect()) }

    func stats(_ shards: Int...) throws -> [QueueStats] { try queue().stats(shards.map { ShardID($0) }) }

    /// Ends the consumer; handlers that wait at the gate are let through first.
    @discardableResult
    func stop() async throws -> Bool {
        gate.open()
        return try await ScratchServer.blocking { [consumer] in consumer.stop(timeoutMilliseconds: 10_000) }
    }
}

private final class Reports: Sendable {
    private let events = Mutex<[JobConsumerEvent]>([])
    func note(_ event: JobConsumerEvent) { events.withLock { $0.append(event) } }
    func has(_ isIt: (JobConsumerEvent) -> Bool) -> Bool { events.withLock { $0.contains(where: isIt) } }
}

/// Holds up handlers until a test lets them go.
final class Gate: Sendable {
    private let state = Monitor((isOpen: false, waiting: 0))

    /// Whether it was opened, or `until` held first.
    func wait(until isOver: @escaping @Sendable () -> Bool = { false }) -> Bool {
        state.withLock { $0.waiting += 1 }
        defer { state.withLock { $0.waiting -= 1 } }
        while !isOver() {
            if state.wait(until: .after(milliseconds: 5), { $0.isOpen ? true : nil }) == true { return true }
        }
        return false
    }

    func open() { state.withLock { $0.isOpen = true } }
    var waiting: Int { state.withLock { $0.waiting } }
}
