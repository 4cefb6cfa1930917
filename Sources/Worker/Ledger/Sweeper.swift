import Core
import JobQueue
import Logging
import PostgresClient
import RedisClient
import Store
import Telemetry

/// Once a second, on a thread of its own: finds what waits in PostgreSQL without a job, and gives it one. Where much waits it goes on at once, so
/// that a backlog is paid as fast as the workers can.
///
/// What it remembers only saves work: a job that is added twice is done once.
final class Sweeper: @unchecked Sendable {
    // @unchecked: everything but `signal` belongs to the sweeper's thread.
    private struct Signal {
        var isStopping = false
        var hasEnded = false
    }

    private let postgres: PostgresConfiguration
    private let redis: RedisConfiguration
    private let owned: OwnedShards
    private let feed: JobFeed
    /// Fills in what the worker has done since its boot.
    private let count: @Sendable (inout QueueFigures) -> Void
    /// Tells the consumer of shards that no later owner has marked.
    private let setInOrder: @Sendable ([OwnedShard]) -> Void
    private let worker: String
    private let logger: Logger
    private let signal = Monitor(Signal())

    private var postgresConnection: PostgresConnection?
    private var redisConnection: RedisConnection?
    /// How far a shard's outbox has been given jobs in this pass, and when the pass began.
    private struct Pass {
        var lastTransactionID: Int64 = 0
        let startedAt: MonotonicNanoseconds
    }
    private var passes: [ShardID: Pass] = [:]
    /// Nothing is given while Redis has no room, until then.
    private var fullUntil: MonotonicNanoseconds = 0
    private var fullPause = RetryPause(firstMilliseconds: 1000, millisecondsMax: 3000)
    /// Shards of which more waits than was looked at.
    private(set) var unfinished: Set<ShardID> = []
    private var toldMarkersAt: MonotonicNanoseconds?

    private static let intervalMilliseconds = 1000
    /// How soon shards of which more waits are looked at again, and how often before all else has its turn.
    private static let refillMilliseconds = 50
    private static let refillsMax = 20
    /// How many jobs are given before it is seen whether Redis had room for them.
    static let jobsPerStep = 1000
    private static let tellEveryNanoseconds: UInt64 = 60_000_000_000
    /// What was accepted more recently has its job on the way. Clocks of the hosts may differ by less.
    static let graceMicroseconds: Int64 = 5_000_000
    /// What a pass has given jobs is trusted to be there for so long, unless the queue is empty.
    private static let passNanoseconds: UInt64 = 60_000_000_000
    /// A queue with so many jobs waiting is in no need of more for now.
    private static let waitingEnough = 2 * TransactionSweep.perShardMax
    /// A queue with so many jobs takes no more; the rest waits in PostgreSQL.
    static let jobsPerShardMax = 50_000

    init(
        postgres: PostgresConfiguration, redis: RedisConfiguration, owned: OwnedShards, feed: JobFeed, worker: String,
        count: @escaping @Sendable (inout QueueFigures) -> Void, setInOrder: @escaping @Sendable ([OwnedShard]) -> Void,
        logger: Logger
    ) {
        self.worker = worker
        self.count = count
        self.setInOrder = setInOrder
        self.postgres = postgres
        self.redis = redis
        self.owned = owned
        self.feed = feed
        self.logger = logger
    }

    /// - Throws: `noThread`.
    func start() throws(JobQueueError) {
        guard DetachedThread.start({ self.run() }) else { throw JobQueueError(.noThread, "no thread for the sweeper") }
    }

    func stop() {
        signal.withLock { $0.isStopping = true }
        _ = signal.wait(until: .after(milliseconds: redis.commandTimeoutMilliseconds * 2)) { $0.hasEnded ? true : nil }
    }

    private func run() {
        defer { signal.withLock { $0.hasEnded = true } }
        var isFailing = false
        while true {
            if isStopped(withinMilliseconds: Self.intervalMilliseconds) { return }
            do {
                try sweep()
                var refills = 0
                while !unfinished.isEmpty, refills < Self.refillsMax {
                    if isStopped(withinMilliseconds: Self.refillMilliseconds) { return }
                    try refill()
                    refills += 1
                }
                isFailing = false
            } catch {
                if !isFailing { logger.warning("the sweep failed; it is tried again", metadata: ["error": "\(error)"]) }
                isFailing = true
                postgresConnection = nil
                redisConnection = nil
            }
        }
    }

    private func isStopped(withinMilliseconds milliseconds: Int) -> Bool {
        signal.wait(until: .after(milliseconds: milliseconds)) { $0.isStopping ? true : nil } ?? false
    }

    /// Once, on the sweeper's thread.
    func sweep() throws {
        let ownership = owned.current
        let shards = ownership.epochs.keys.sorted()
        guard !shards.isEmpty else { return }
        let database = try postgresConnection ?? PostgresConnection(postgres)
        postgresConnection = database
        adopt(on: database)
        let connection = try redisConnection ?? RedisConnection(redis)
        redisConnection = connection
        let queue = JobQueue(.commission, on: connection)
        let stats = try queue.stats(shards)
        keepPauses(stats, queue, on: database)
        if let instance = ownership.instance { tell(stats, instance, on: database) }
        feed.setFull(Set(stats.lazy.filter { $0.waiting >= Self.jobsPerShardMax }.map(\.shard)))

        keepMarkers(ownership, stats, queue, on: database)
        try fill(ownership, stats, queue, on: database)
    }

    /// Once more for the shards of which more waits.
    func refill() throws {
        let ownership = owned.current
        unfinished.formIntersection(ownership.epochs.keys)
        guard let database = postgresConnection, let connection = redisConnection else { return unfinished = [] }
        let queue = JobQueue(.commission, on: connection)
        try fill(ownership, queue.stats(unfinished.sorted()), queue, on: database)
    }

    private func fill(
        _ ownership: OwnedShards.Ownership, _ stats: [QueueStats], _ queue: JobQueue, on database: PostgresConnection
    ) throws {
        guard monotonicNow() >= fullUntil else { return unfinished = [] }
        let missing = try findMissing(stats, on: database)
        let unfilled = try give(missing, queue)
        try mark(ownership, stats, missing, unfilled, queue)
    }

    /// What others have written must not keep our own jobs from being swept.
    private func adopt(on database: PostgresConnection) {
        do {
            let (adopted, refused) = try TransactionSweep.adopt(on: database)
            guard adopted + refused > 0 else { return }
            logger.notice(
                "rows of other programs were taken up", metadata: ["adopted": "\(adopted)", "refused": "\(refused)"])
        } catch {
            logger.warning("rows of other programs were not taken up", metadata: ["error": "\(error)"])
        }
    }

    private func keepPauses(_ stats: [QueueStats], _ queue: JobQueue, on database: PostgresConnection) {
        do { try QueuePauseKeeper.keep(stats, queue, on: database) } catch {
            logger.warning("pauses were not passed on to Redis", metadata: ["error": "\(error)"])
        }
    }

    private func keepMarkers(
        _ ownership: OwnedShards.Ownership, _ stats: [QueueStats], _ queue: JobQueue, on database: PostgresConnection
    ) {
        do {
            let kept = try MarkerKeeper.keep(ownership, stats, queue, on: database)
            setInOrder(kept.inOrder)
            let now = monotonicNow()
            guard !kept.reset.isEmpty, toldMarkersAt.map({ now - $0 >= Self.tellEveryNanoseconds }) ?? true else { return }
            toldMarkersAt = now
            logger.warning(
                "Redis had epochs above PostgreSQL's, and they were set back: was PostgreSQL restored, or do two clusters share this Redis?",
                metadata: ["shards": "\(kept.reset.map(\.shard))"])
        } catch {
            logger.warning("the epochs in Redis were not compared with PostgreSQL's", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ stats: [QueueStats], _ instance: WorkerInstanceID, on database: PostgresConnection) {
        var figures = QueueFigures(queue: JobKind.commission.name, worker: worker, instance: instance)
        figures.shards = Int64(stats.count)
        figures.broken = Int64(stats.count { $0.refusal != nil })
        for queue in stats {
            figures.waiting += Int64(queue.waiting)
            figures.inHand += Int64(queue.pending)
            figures.delayed += Int64(queue.delayed)
            figures.oldestMilliseconds = max(
                figures.oldestMilliseconds, queue.oldestWaitingAgeMilliseconds, queue.oldestPendingAgeMilliseconds)
        }
        count(&figures)
        do { try figures.write(on: database) } catch {
            logger.warning("the queue's figures were not written", metadata: ["error": "\(error)"])
        }
    }

    /// Transactions without a job, as far as can be told.
    private func findMissing(_ stats: [QueueStats], on database: PostgresConnection) throws -> [CommissionPayment.Order] {
        let now = wallClockMicroseconds()
        let monotonic = monotonicNow()
        var wanted: [TransactionSweep.Shard] = []
        var paused: Set<ShardID> = []
        for queue in stats {
            // With nothing in the queue, what an earlier pass has given jobs is done or lost.
            let isEmpty = queue.waiting + queue.pending + queue.delayed == 0
            if let pass = passes[queue.shard], isEmpty || monotonic &- pass.startedAt > Self.passNanoseconds {
                passes[queue.shard] = nil
            }
            // Where the keys hold what is not ours nothing can be given.
            guard queue.refusal == nil else {
                unfinished.remove(queue.shard)
                continue
            }
            if queue.pause != nil { paused.insert(queue.shard) }
            guard queue.waiting < Self.waitingEnough else {
                // What nobody takes needs no more.
                if queue.pause != nil { unfinished.remove(queue.shard) }
                continue
            }
            // What is older than the oldest job in the stream is not behind it.
            let oldest = queue.oldestMilliseconds.map(Timestamp.microseconds(ofMilliseconds:)) ?? now
            wanted.append(
                .init(
                    shard: queue.shard, after: passes[queue.shard]?.lastTransactionID ?? 0,
                    acceptedBefore: min(now, oldest) - Self.graceMicroseconds))
        }
        let missing = try TransactionSweep.waiting(wanted, on: database)
        var counts: [ShardID: Int] = [:]
        for order in missing { counts[order.shard, default: 0] += 1 }
        for one in wanted {
            if counts[one.shard, default: 0] == TransactionSweep.perShardMax, !paused.contains(one.shard) {
                unfinished.insert(one.shard)
            } else {
                unfinished.remove(one.shard)
            }
        }
        return missing
    }

    /// Gives jobs, step by step until Redis has no room. Returns the shards that have not been given all.
    private func give(_ orders: [CommissionPayment.Order], _ queue: JobQueue) throws -> Set<ShardID> {
        var unfilled: Set<ShardID> = []
        var isFull = false
        var added = 0
        var refused: Set<ShardID> = []
        for start in stride(from: 0, to: orders.count, by: Self.jobsPerStep) {
            let step = orders[start..<min(start + Self.jobsPerStep, orders.count)]
            if isFull {
                unfilled.formUnion(step.lazy.map(\.shard))
                continue
            }
            let answers = try queue.sweepAdd(step.map { try CommissionJob.job(for: $0) })
            let now = monotonicNow()
            for (order, answer) in zip(step, answers) {
                switch answer {
                case .full:
                    isFull = true
                    unfilled.insert(order.shard)
                case .refused:
                    unfilled.insert(order.shard)
                    refused.insert(order.shard)
                case .added: added += 1
                // Known to the queue as failed: it comes back by itself.
                case nil: break
                }
                // A pass ends at the first job that is not there.
                guard !unfilled.contains(order.shard) else { continue }
                passes[order.shard, default: Pass(startedAt: now)].lastTransactionID = order.transactionID
            }
        }
        if isFull {
            unfinished = []
            let milliseconds = fullPause.failed()
            fullUntil = monotonicNow() + UInt64(milliseconds) * 1_000_000
            logger.warning("Redis has no memory for jobs; they wait in PostgreSQL", metadata: ["milliseconds": "\(milliseconds)"])
        } else {
            fullPause.succeeded()
        }
        if !refused.isEmpty {
            unfinished.subtract(refused)
            logger.warning("queues take no jobs; they wait in PostgreSQL", metadata: ["shards": "\(refused.sorted())"])
        }
        if added > 0 { logger.notice("transactions without a job were given one", metadata: ["jobs": "\(added)"]) }
        return unfilled
    }

    /// Marks the queues that hold all that waits as filled at our epoch.
    private func mark(
        _ ownership: OwnedShards.Ownership, _ stats: [QueueStats], _ missing: [CommissionPayment.Order], _ unfilled: Set<ShardID>,
        _ queue: JobQueue
    ) throws {
        var counts: [ShardID: Int] = [:]
        for order in missing { counts[order.shard, default: 0] += 1 }
        for one in stats {
            guard let epoch = ownership.epochs[one.shard], one.epoch == nil, one.refusal == nil, !unfilled.contains(one.shard),
                !unfinished.contains(one.shard), counts[one.shard, default: 0] < TransactionSweep.perShardMax
            else { continue }
            _ = try queue.markEpoch(OwnedShard(one.shard, epoch))
        }
    }
}
