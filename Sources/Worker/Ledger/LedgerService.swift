import Core
import Glibc
import JobQueue
import Logging
import PostgresClient
import RedisClient
import Store

/// Everything of the ledger that goes on beside the event loop: feeding jobs to Redis, sweeping, paying.
///
/// Its threads are its own; a slow PostgreSQL or a Redis that is away never holds up reads.
final class LedgerService: Paying {
    private let owned = OwnedShards()
    private let feed: JobFeed
    private let sweeper: Sweeper
    private let consumer: JobConsumer
    private let meter = PaymentMeter()
    private let logger: Logger

    private static let statementMillisecondsMax = 20_000
    /// How long jobs in hand may take to end when the worker stops.
    private static let drainMilliseconds = 3000
    /// How long all of it may take, be Redis away: what a role has for an orderly end (10 s) is for its shards too.
    private static let stopPayingMilliseconds = 5000
    private static let stopFeedingMilliseconds = 1000

    /// - Throws: for an address that cannot be read, or a number of lanes that cannot work.
    init(databaseURL: String, redisURL: String, worker: String, lanes: Int, logger: Logger) throws {
        func database(_ purpose: String) throws -> PostgresConfiguration {
            try PostgresConfiguration(
                url: databaseURL, applicationName: "fature worker \(worker) \(purpose)",
                statementTimeoutMilliseconds: Self.statementMillisecondsMax
            ).settings(LedgerSession.settings)
        }
        let redis = try RedisConfiguration(url: redisURL)
        feed = JobFeed(redis: redis, logger: logger)
        let payments = try database("payments").settings(CommissionHandler.settings)
        let owned = owned
        let meter = meter
        consumer = try JobConsumer(
            .commission, policy: Self.policy, redis: redis, lanes: lanes,
            sink: DeadLetterOffice(configuration: try database("dead letters"), owned: owned),
            makeHandler: { _ in CommissionHandler(configuration: payments, owned: owned, meter: meter) },
            report: { Self.tell($0, logger) })
        let counters = consumer.counters
        let consumer = consumer
        sweeper = Sweeper(
            postgres: try database("sweeper"), redis: redis, owned: owned, feed: feed, worker: worker,
            count: { Self.count(counters.snapshot, meter.figures, into: &$0) }, setInOrder: { consumer.setInOrder($0) },
            logger: logger)
        self.logger = logger
    }

    private static func count(_ jobs: JobCounters.Snapshot, _ payments: PaymentMeter.Figures, into figures: inout QueueFigures) {
        figures.taken = jobs.taken
        figures.done = jobs.done
        figures.failed = jobs.failed
        figures.retried = jobs.retried
        figures.postponed = jobs.postponed
        figures.dead = jobs.dead
        figures.crashed = jobs.crashed
        figures.released = jobs.released
        figures.batches = Int64(clamping: payments.batches)
        figures.commitMicroseconds = Int64(clamping: payments.nanoseconds / 1000)
    }

    private static var policy: JobPolicy {
        var policy = JobPolicy()
        policy.batchMax = CommissionPayment.batchMax / 2
        policy.batchPerShardMax = CommissionPayment.batchMax / 2
        policy.handlerMilliseconds = 20_000
        policy.blockMilliseconds = 100
        // One process has a shard at a time: what is in hand elsewhere was in the hand of its last owner.
        policy.takeoverIdleMilliseconds = 30_000
        return policy
    }

    /// - Throws: `noThread`.
    func start() throws {
        try feed.start()
        try sweeper.start()
        try consumer.start()
    }

    /// Says which shards are this worker's. From any thread.
    func setOwnership(_ ownership: OwnedShards.Ownership) {
        owned.set(ownership)
        consumer.setShards(ownership.epochs.map { OwnedShard($0.key, $0.value) })
    }

    /// Whether no job of a shard that was taken out of `setOwnership` is in hand any more. From any thread.
    func hasLetGo(of shard: ShardID) -> Bool { consumer.hasLetGo(of: shard) }

    /// Adds the jobs of what was accepted. From any thread.
    func accepted(_ orders: [CommissionPayment.Order]) { feed.add(orders) }

    /// Finishes what is in hand and gives the rest back. What is accepted until `stopFeeding` still becomes jobs.
    func stopPaying() async {
        let hasEnded = await hasEnded(withinMilliseconds: Self.stopPayingMilliseconds) {
            let hasEnded = self.consumer.stop(timeoutMilliseconds: Self.drainMilliseconds)
            self.sweeper.stop()
            return hasEnded
        }
        if !hasEnded { logger.warning("payments did not end in time: their jobs are taken over by the next owner") }
    }

    /// Adds the jobs that are still to be added, and ends the last thread.
    func stopFeeding() async {
        let hasEnded = await hasEnded(withinMilliseconds: Self.stopFeedingMilliseconds) {
            self.feed.stop()
            return true
        }
        if !hasEnded { logger.warning("jobs of the last transactions were not added: the next owner finds what waits") }
    }

    /// Does something that blocks on a thread of its own, and waits for that no longer than so.
    private func hasEnded(withinMilliseconds milliseconds: Int, _ work: @escaping @Sendable () -> Bool) async -> Bool {
        let result = Monitor<Bool?>(nil)
        guard
            DetachedThread.start({
                let ended = work(); result.withLock { $0 = ended }
            })
        else { return false }
        return await withCheckedContinuation { continuation in
            let didStart = DetachedThread.start {
                continuation.resume(returning: result.wait(until: .after(milliseconds: milliseconds)) { $0 } ?? false)
            }
            if !didStart { continuation.resume(returning: false) }
        }
    }

    private static func tell(_ event: JobConsumerEvent, _ logger: Logger) {
        switch event {
        // The sweeper refills and marks what has no marker.
        case .wiped: logger.debug("queues without a marker", metadata: ["event": "\(event)"])
        case .stale: logger.notice("shards were marked by a later owner", metadata: ["event": "\(event)"])
        case .broken(let shards):
            let words = shards.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            logger.error(
                "queues cannot be used: their keys in Redis hold something else; delete these", metadata: ["shards": "\(words)"])
        case .recovered: logger.notice("jobs that nobody would have been given go on", metadata: ["event": "\(event)"])
        case .laneNotReplaced:
            // Its shards would stay ours and unpaid. As if asked to: they are given back, and whoever supervises starts anew.
            logger.critical("too many payments did not come back: the worker ends", metadata: ["event": "\(event)"])
            kill(getpid(), SIGTERM)
        case .redisFailed, .handlerUnavailable, .sinkFailed, .laneLost, .unsettled:
            logger.warning("jobs wait", metadata: ["event": "\(event)"])
        }
    }
}
