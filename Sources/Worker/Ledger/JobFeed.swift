import Core
import JobQueue
import Logging
import RedisClient
import Store

/// Adds the jobs of what has been accepted to Redis, on a thread of its own, many in one round trip.
///
/// It promises nothing: what Redis does not take, or what a crash forgets, the sweeper finds in PostgreSQL.
final class JobFeed: Sendable {
    private struct State {
        var orders: [CommissionPayment.Order] = []
        /// Shards whose queue is as long as it may be.
        var fullShards: Set<ShardID> = []
        var isStopping = false
        var hasEnded = false
        var added: UInt64 = 0
        var skipped: UInt64 = 0
    }

    /// How many orders wait for the thread at most.
    static let waitingMax = 200_000
    private static let jobsPerRoundTrip = 5000
    private static let idleMilliseconds = 1000
    private static let reconnectMillisecondsMax = 1000

    private let redis: RedisConfiguration
    private let logger: Logger
    private let state = Monitor(State())

    init(redis: RedisConfiguration, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    /// - Throws: `noThread`.
    func start() throws(JobQueueError) {
        guard DetachedThread.start({ self.run() }) else { throw JobQueueError(.noThread, "no thread for the job feed") }
    }

    func add(_ orders: [CommissionPayment.Order]) {
        state.withLock(wake: .one) { state in
            let wanted = state.fullShards.isEmpty ? orders : orders.filter { !state.fullShards.contains($0.shard) }
            let room = max(0, Self.waitingMax - state.orders.count)
            state.orders += wanted.prefix(room)
            state.skipped += UInt64(orders.count - min(room, wanted.count))
        }
    }

    /// Jobs of these shards stay in PostgreSQL until the sweeper adds them.
    func setFull(_ shards: Set<ShardID>) { state.withLock(wake: .nobody) { $0.fullShards = shards } }

    /// Jobs added, and orders left to the sweeper, since the start.
    var figures: (added: UInt64, skipped: UInt64) { state.withLock(wake: .nobody) { ($0.added, $0.skipped) } }

    /// Ends the thread after what it has in hand; waits for it.
    func stop() {
        state.withLock { $0.isStopping = true }
        _ = state.wait(until: .after(milliseconds: redis.commandTimeoutMilliseconds * 2)) { $0.hasEnded ? true : nil }
    }

    private func run() {
        defer { state.withLock { $0.hasEnded = true } }
        var connection: RedisConnection?
        var pause = 20
        while true {
            let batch = state.wait(until: .after(milliseconds: Self.idleMilliseconds)) { state -> [CommissionPayment.Order]? in
                if state.orders.isEmpty { return state.isStopping ? [] : nil }
                let batch = Array(state.orders.prefix(Self.jobsPerRoundTrip))
                state.orders.removeFirst(batch.count)
                return batch
            }
            guard let batch else { continue }
            if batch.isEmpty { return }
            do {
                if connection == nil { connection = try RedisConnection(redis) }
                guard let connection else { continue }
                let answers = try JobQueue(.commission, on: connection).add(batch.map { try CommissionJob.job(for: $0) })
                let added = answers.count { $0 == .added }
                state.withLock(wake: .nobody) { state in
                    state.added += UInt64(added)
                    state.skipped += UInt64(answers.count - added)
                }
                pause = 20
            } catch {
                connection = nil
                state.withLock(wake: .nobody) { $0.skipped += UInt64(batch.count) }
                logger.warning(
                    "jobs were not added; the sweeper will", metadata: ["jobs": "\(batch.count)", "error": "\(error)"])
                // While Redis is away what arrives is left to the sweeper; this thread only has to find out when it is back.
                _ = state.wait(until: .after(milliseconds: Int.random(in: pause / 2...pause))) { $0.isStopping ? true : nil }
                pause = min(pause * 2, Self.reconnectMillisecondsMax)
            }
        }
    }
}
