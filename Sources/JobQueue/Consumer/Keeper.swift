import Core
import RedisClient

/// The thread that keeps the queues in order beside the lanes: shows that they live, puts delayed jobs back, takes over from the lost,
/// and finds jobs that nobody would be given.
final class Keeper {
    private let core: ConsumerCore
    private var queue: JobQueue?
    private var pause = RetryPause.redis
    private var lossesSeen = 0
    private var takesOverAt: MonotonicNanoseconds = 0
    private var promotesAt: MonotonicNanoseconds = 0
    private var recoversAt: MonotonicNanoseconds = 0
    private var forgetsAt: MonotonicNanoseconds = 0

    private static let lookEveryMilliseconds = 200
    private static let promoteEveryNanoseconds: UInt64 = 500_000_000
    private static let recoverEveryNanoseconds: UInt64 = 5_000_000_000
    private static let forgetEveryNanoseconds: UInt64 = 60_000_000_000
    private static let forgetIdleMilliseconds = 600_000

    init(_ core: ConsumerCore) { self.core = core }

    /// Until the consumer stops.
    func run() {
        while core.pause(milliseconds: Self.lookEveryMilliseconds) {
            do {
                try keep(try connected())
                pause.succeeded()
            } catch {
                if error.isConnectionFailure || error.code == .server { queue?.connection.close() }
                core.counters.add { $0.redisFailures += 1 }
                core.report(.redisFailed("\(error)"))
                _ = core.pause(milliseconds: pause.failed())
            }
        }
        queue?.connection.close()
        core.state.withLock { $0.isKeeping = false }
    }

    private func connected() throws(RedisError) -> JobQueue {
        if let queue {
            if !queue.connection.isUsable { try queue.connection.reconnect() }
            return queue
        }
        let base = core.state.withLock(wake: .nobody) { $0.base }
        let queue = JobQueue(core.kind, on: try RedisConnection(core.redis), as: base)
        self.queue = queue
        return queue
    }

    private func keep(_ queue: JobQueue) throws(RedisError) {
        let now = monotonicNow()
        let idle = core.policy.takeoverIdleMilliseconds
        let renewEvery = UInt64(idle) * 1_000_000 / 4
        defer { core.tellBroken(queue.takeRefusals()) }
        let (shards, lost, losses, renewals) = core.state.withLock(wake: .nobody) { state in
            (state.ownedShards, state.lost, state.lossesCount, state.renewals(now: now, everyNanoseconds: renewEvery))
        }
        // Before anything is taken over: what is in hand here must not look idle.
        for (name, jobs) in renewals {
            _ = try queue.renew(jobs.compactMap { job in job.entry.map { (job.shard, $0) } }, of: name)
        }
        guard !shards.isEmpty else { return }
        if now >= promotesAt {
            promotesAt = now + Self.promoteEveryNanoseconds
            let promoted = try queue.promoteDue(shards.map(\.shard))
            if promoted > 0 { core.counters.add { $0.promoted += Int64(promoted) } }
        }
        if now >= takesOverAt || losses > lossesSeen {
            takesOverAt = now + renewEvery
            // Its own lanes have no privilege: what they have in hand has just been renewed, and what Redis holds under their names besides is lost.
            let answer = try queue.takeOver(shards, Takeover(living: [], lost: lost, idleMilliseconds: idle))
            lossesSeen = losses
            if answer.taken > 0 { core.counters.add { $0.crashed += Int64(answer.taken) } }
            core.markStale(shards.filter { answer.stale.contains($0.shard) })
        }
        if now >= recoversAt {
            let recovered = try queue.recoverStrays(shards.map(\.shard))
            recoversAt = now + (recovered > 0 ? 0 : Self.recoverEveryNanoseconds)
            if recovered > 0 { core.report(.recovered(jobs: recovered)) }
        }
        if now >= forgetsAt {
            forgetsAt = now + Self.forgetEveryNanoseconds
            let living = core.state.withLock(wake: .nobody) { $0.lanes.map(\.name) }
            try queue.forgetConsumers(shards.map(\.shard), idleMilliseconds: Self.forgetIdleMilliseconds, keeping: living)
        }
    }
}
