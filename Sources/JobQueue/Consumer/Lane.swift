import Core
import RedisClient

/// One lane of a consumer, on its own thread: takes, handles and settles jobs of its shards, one batch at a time.
final class Lane {
    let core: ConsumerCore
    let index: Int
    let generation: Int
    let name: ConsumerName
    var settlement = Settlement()
    private var queue: JobQueue?
    private var handler: (any JobHandler)?
    /// The shards whose jobs of former owners have been taken over.
    private var adopted: Set<OwnedShard> = []
    private var adoptedVersion = -1
    /// Redis may have given jobs to this lane's name that it does not know of.
    private var mayHaveUnknown = false
    private var looksAtReleasedAt: MonotonicNanoseconds = 0
    /// Until then nothing that was released is looked at: a dead letter among it has just not been kept.
    private var sinkRestsUntil: MonotonicNanoseconds = 0
    private var toldAt: MonotonicNanoseconds = 0
    private var turn = 0
    private var redisPause = RetryPause.redis
    private var handlerPause = RetryPause.handler

    private static let releasedEveryNanoseconds: UInt64 = 1_000_000_000
    private static let tellEveryNanoseconds: UInt64 = 5_000_000_000
    private static let settleAttemptsMax = 8

    init(_ core: ConsumerCore, index: Int, generation: Int, name: ConsumerName) {
        self.core = core
        self.index = index
        self.generation = generation
        self.name = name
    }

    /// Nil when the lane has been given up.
    private func nextOrders() -> ConsumerState.Orders? {
        let (orders, isNews) = core.state.withLock(wake: .nobody) { state in
            let isNews = state.lanes[index].seenVersion != state.version
            return (state.orders(lane: index, generation: generation), isNews)
        }
        // Somebody may wait for every lane to have them.
        if isNews { core.state.withLock { _ in } }
        return orders
    }

    /// Until the consumer stops or the lane is given up.
    func run() {
        while let orders = nextOrders() {
            if orders.phase == .stopping {
                leave(orders)
                break
            }
            do {
                guard let queue = try connected() else { continue }
                try settle(queue)
                try work(orders, queue)
                redisPause.succeeded()
            } catch {
                failed(error)
            }
        }
        core.state.withLock { state in
            if state.isCurrent(lane: index, generation: generation) {
                state.lanes[index].isRunning = false
                state.lanes[index].inHand = []
                if state.suspectsLane == index { state.suspectsLane = nil }
            }
        }
    }

    private func connected() throws(RedisError) -> JobQueue? {
        if let queue {
            if queue.connection.isUsable { return queue }
            try queue.connection.reconnect()
            // It may have forgotten what it was told last.
            mayHaveUnknown = true
            return queue
        }
        let queue = JobQueue(core.kind, on: try RedisConnection(core.redis), as: name)
        self.queue = queue
        return queue
    }

    private func failed(_ error: any Error) {
        // A server that refuses may not be the one that a new connection leads to.
        if let error = error as? RedisError, error.isConnectionFailure || error.code == .server {
            queue?.connection.close()
            mayHaveUnknown = true
        }
        core.counters.add { $0.redisFailures += 1 }
        core.report(.redisFailed("\(error)"))
        _ = core.pause(milliseconds: redisPause.failed())
    }

    private func work(_ orders: ConsumerState.Orders, _ queue: JobQueue) throws(RedisError) {
        defer {
            // However this ends: a lane that has no suspects in hand must not keep others from having any.
            core.dropSuspects(lane: index, generation: generation)
            core.tellBroken(queue.takeRefusals())
        }
        guard orders.phase == .running, !orders.shards.isEmpty else { return rest(orders) }
        if mayHaveUnknown {
            try queue.releaseOwn(orders.shards.map(\.shard))
            mayHaveUnknown = false
            looksAtReleasedAt = 0
        }
        if adoptedVersion != orders.version { try adopt(orders, queue) }
        guard let handler = madeHandler() else { return }

        let now = monotonicNow()
        var limits = TakeLimits(
            perShardMax: core.policy.batchPerShardMax, jobsMax: core.policy.batchMax,
            blockMilliseconds: core.policy.blockMilliseconds)
        limits.suspectsMax = core.policy.suspectsMax
        if now >= looksAtReleasedAt, now >= sinkRestsUntil {
            looksAtReleasedAt = now + Self.releasedEveryNanoseconds
            limits.released = core.mayHoldSuspects(lane: index, generation: generation) ? .any : .clean
        }
        let shards = turned(orders.shards)
        // What this call takes is ours in Redis even if its answer never comes.
        mayHaveUnknown = true
        let taken = try queue.take(shards, limits)
        mayHaveUnknown = false
        if taken.hasReleased { looksAtReleasedAt = 0 }
        tell(taken, orders)
        if taken.isEmpty {
            if taken.paused.count + taken.stale.count + taken.broken.count >= shards.count { rest(orders) }
            return
        }
        core.counters.add { $0.taken += Int64(taken.jobs.count + taken.malformed.count) }
        for entry in taken.malformed { settlement.bury(DeadLetter(entry, kind: core.kind)) }
        try handle(chosen(taken.jobs), handler, queue, orders)
    }

    /// Nothing to do: wait for other orders.
    private func rest(_ orders: ConsumerState.Orders) {
        let (version, phase) = (orders.version, orders.phase)
        _ = core.pause(milliseconds: core.policy.blockMilliseconds) { $0.version != version || $0.phase != phase }
    }

    /// The shards, beginning with another one each time.
    private func turned(_ shards: [OwnedShard]) -> [OwnedShard] {
        turn = (turn + 1) % shards.count
        return Array(shards[turn...] + shards[..<turn])
    }

    /// Raises the markers of shards that are new here, and takes over what their former owners have in hand.
    private func adopt(_ orders: ConsumerState.Orders, _ queue: JobQueue) throws(RedisError) {
        adopted.formIntersection(orders.shards)
        let fresh = orders.shards.filter { !adopted.contains($0) }
        let answers = try queue.raiseEpochs(fresh)
        var ours: [OwnedShard] = []
        var stale: [OwnedShard] = []
        for (owned, answer) in zip(fresh, answers) {
            if case .stale = answer { stale.append(owned) } else { ours.append(owned) }
        }
        core.markStale(stale)
        // Also where the marker is missing or ours already: the owner may have marked a queue before this lane came to it.
        while !ours.isEmpty {
            let answer = try queue.takeOver(ours, Takeover(living: orders.living, idleMilliseconds: 0))
            core.counters.add { $0.crashed += Int64(answer.taken) }
            core.markStale(ours.filter { answer.stale.contains($0.shard) })
            ours.removeAll { answer.stale.contains($0.shard) }
            if answer.taken + answer.dropped == 0 { break }
        }
        // Those that are stale are adopted when their markers are in order again.
        adopted.formUnion(ours)
        adoptedVersion = orders.version
        looksAtReleasedAt = 0
    }

    private func madeHandler() -> (any JobHandler)? {
        if let handler { return handler }
        do {
            handler = try core.makeHandler(index)
        } catch {
            core.report(.handlerUnavailable("\(error)"))
            _ = core.pause(milliseconds: handlerPause.failed())
        }
        return handler
    }

    private func tell(_ taken: TakenJobs, _ orders: ConsumerState.Orders) {
        if !taken.stale.isEmpty { core.markStale(orders.shards.filter { taken.stale.contains($0.shard) }) }
        core.tellBroken(Dictionary(taken.broken.map { ($0, "its stream's key holds something else") }) { first, _ in first })
        guard !taken.wiped.isEmpty, monotonicNow() >= toldAt else { return }
        toldAt = monotonicNow() + Self.tellEveryNanoseconds
        core.report(.wiped(taken.wiped))
    }

    /// What is handled together: all clean jobs, or suspects of one kind if this lane may have them. Others are released, and looked at again at
    /// once; jobs with too many crashes are dead.
    private func chosen(_ jobs: [Job]) -> [Job] {
        guard jobs.contains(where: { $0.crashes > 0 }) else { return jobs }
        let policy = core.policy
        let living = jobs.filter { job in
            guard policy.isDead(failures: 0, crashes: job.crashes) else { return true }
            let error = "in hand in \(job.crashes) crashes; the last error was: \(job.lastError)"
            settlement.bury(job, cause: .crashed, error: error, failures: job.failures)
            return false
        }
        var isChosen: (Job) -> Bool = { $0.crashes == 0 }
        var limit = Int.max
        if !living.contains(where: isChosen), let first = living.first {
            let mayHold = core.mayHoldSuspects(lane: index, generation: generation)
            isChosen = { mayHold && $0.crashes == first.crashes }
            limit = first.crashes == 1 ? policy.suspectsMax : 1
            looksAtReleasedAt = 0
        }
        var chosen: [Job] = []
        for job in living {
            if chosen.count < limit, isChosen(job) {
                chosen.append(job)
            } else {
                settlement.release(job)
                looksAtReleasedAt = 0
            }
        }
        return chosen
    }

    private func handle(
        _ jobs: [Job], _ handler: any JobHandler, _ queue: JobQueue, _ orders: ConsumerState.Orders
    ) throws(RedisError) {
        // Suspects that wait must be out of hand before a suspect runs.
        try settle(queue)
        guard !jobs.isEmpty else { return }
        let holding = core.state.withLock(wake: .nobody) { state in
            state.hold(jobs, lane: index, generation: generation, orders: orders, now: monotonicNow())
        }
        guard let holding else { return }
        for job in holding.foreign { settlement.release(job) }
        var run = BatchRun(core, lane: index, generation: generation, handler)
        let isOurs = run.run(Self.groups(holding.held, core.policy), into: &settlement)
        if !isOurs {
            // Another lane goes on; whatever came of these jobs is not ours to say.
            settlement = Settlement()
            return
        }
        try settle(queue)
        handler.settled()
        // What a handler gives back is not for this lane now: no hurry to look at it again.
        if run.hasReleased { looksAtReleasedAt = monotonicNow() + Self.releasedEveryNanoseconds }
        // What was not begun since a shard went away is, but for that shard's jobs, still this lane's.
        if run.hasYielded { looksAtReleasedAt = 0 }
        guard let reason = run.unavailable else { return handlerPause.succeeded() }
        core.report(.handlerUnavailable(reason))
        looksAtReleasedAt = 0
        _ = core.pause(milliseconds: handlerPause.failed())
    }

    /// Jobs that were tried before apart from those that are new, so that one that always fails does not stop many.
    private static func groups(_ jobs: [Job], _ policy: JobPolicy) -> [[Job]] {
        let tried = jobs.filter(\.wasTried)
        guard !tried.isEmpty else { return jobs.isEmpty ? [] : [jobs] }
        let new = tried.count < jobs.count ? [jobs.filter { !$0.wasTried }] : []
        return new
            + stride(from: 0, to: tried.count, by: policy.triedMax).map { start in
                Array(tried[start..<min(start + policy.triedMax, tried.count)])
            }
    }

    /// Tells Redis what became of jobs, until it knows. Throws when Redis is away: what is left is told after the next connect.
    private func settle(_ queue: JobQueue) throws(RedisError) {
        guard !settlement.isEmpty else { return }
        defer {
            core.state.withLock { state in
                if state.isCurrent(lane: index, generation: generation), settlement.isEmpty { state.lanes[index].inHand = [] }
            }
            if settlement.takeSinkFailure() { sinkRestsUntil = monotonicNow() + Self.releasedEveryNanoseconds }
        }
        var attempt = 0
        while true {
            do throws(RedisError) {
                guard try settlement.settle(queue, core, lane: index, generation: generation) else { return }
                break
            } catch {
                // Giving up while Redis refuses writes, such as to a full disk, would be a crash of every job.
                if error.isConnectionFailure || error.code == .server { throw error }
                attempt += 1
                if attempt == Self.settleAttemptsMax {
                    core.report(.unsettled(jobs: settlement.count, "\(error)"))
                    settlement = Settlement()
                    break
                }
                guard core.pause(milliseconds: redisPause.failed()) else { throw error }
            }
        }
    }

    /// Gives everything back before the thread ends.
    private func leave(_ orders: ConsumerState.Orders) {
        do {
            guard let queue = try connected() else { return }
            if !settlement.isEmpty { _ = try settlement.settle(queue, core, lane: index, generation: generation) }
            let shards = orders.shards.map(\.shard)
            try queue.releaseOwn(shards)
            try queue.removeConsumer(name, from: shards)
        } catch {
            core.report(.redisFailed("\(error)"))
        }
        queue?.connection.close()
    }
}
