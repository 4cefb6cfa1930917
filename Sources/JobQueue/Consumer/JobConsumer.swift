import Core
import RedisClient

/// Takes and handles the jobs of one kind, for the shards that are its owner's: a number of lanes, each a thread with a connection and a handler of
/// its own. `docs/design/queue.md` says what happens when somebody fails.
///
/// All calls are for any thread; those with a time block it for so long.
package final class JobConsumer: Sendable {
    package static let lanesMax = 64

    private let core: ConsumerCore

    /// - Parameters:
    ///   - name: of this boot of this process; nobody else may ever have it.
    ///   - makeHandler: makes a lane's handler, on the lane's thread. What it throws is reported, and it is tried again.
    ///   - report: told of what goes wrong, on the threads of the consumer. Must not block, nor call the consumer.
    /// - Throws: `invalid` for a policy or a number of lanes that cannot work.
    package init(
        _ kind: JobKind, policy: JobPolicy, redis: RedisConfiguration, name: ConsumerName = .make(), lanes: Int,
        sink: any DeadLetterSink, makeHandler: @escaping @Sendable (_ lane: Int) throws -> any JobHandler,
        report: @escaping @Sendable (JobConsumerEvent) -> Void = { _ in }
    ) throws(JobQueueError) {
        try policy.validate()
        guard (1...Self.lanesMax).contains(lanes) else {
            throw JobQueueError(.invalid, "\(lanes) lanes; 1 to \(Self.lanesMax)")
        }
        core = ConsumerCore(
            kind: kind, policy: policy, redis: redis, name: name, lanes: lanes, makeHandler: makeHandler, sink: sink,
            report: report)
    }

    package var counters: JobCounters { core.counters }

    /// Starts the threads. Redis need not be there yet. Call once, and `stop` in the end.
    ///
    /// - Throws: `noThread`; then nothing runs.
    package func start() throws(JobQueueError) {
        let core = core
        let count = core.state.withLock { state in
            state.isWatching = true
            state.isKeeping = true
            for index in state.lanes.indices { state.lanes[index].isRunning = true }
            return state.lanes.count
        }
        let starters: [() -> Bool] =
            [
                { DetachedThread.start { Watchdog(core: core) { Self.startLane(core, $0, generation: $1) }.run() } },
                { DetachedThread.start { Keeper(core).run() } },
            ] + (0..<count).map { lane in { Self.startLane(core, lane, generation: 0) } }
        for (index, start) in starters.enumerated() where !start() {
            core.state.withLock { state in
                state.advance(to: .stopping)
                if index == 0 { state.isWatching = false }
                if index <= 1 { state.isKeeping = false }
                for lane in state.lanes.indices where lane >= index - 2 { state.lanes[lane].isRunning = false }
            }
            throw JobQueueError(.noThread, "the system has no thread left for the lanes of \(core.kind)")
        }
    }

    private static func startLane(_ core: ConsumerCore, _ index: Int, generation: Int) -> Bool {
        DetachedThread.start {
            let name = core.state.withLock(wake: .nobody) { $0.lanes[index].name }
            Lane(core, index: index, generation: generation, name: name).run()
        }
    }

    /// Says which shards are the owner's from now on, at which epochs. Jobs of others that are in hand are finished, or taken over by the next owner,
    /// with a crash.
    package func setShards(_ shards: [OwnedShard]) {
        core.state.withLock { $0.setShards(shards) }
    }

    /// Whether a shard that was taken out of `setShards` is out of all hands: what was in hand of it has ended, or was given back.
    package func hasLetGo(of shard: ShardID) -> Bool { core.state.withLock(wake: .nobody) { $0.hasLetGo(of: shard) } }

    /// Says that no later owner has marked these shards, whatever was seen before: they are taken from again.
    package func setInOrder(_ shards: [OwnedShard]) {
        core.state.withLock { $0.unmarkStale(shards) }
    }

    /// Takes no more jobs, and waits for those in hand. False when the time was over first; it goes on draining then.
    package func drain(timeoutMilliseconds: Int) -> Bool {
        core.state.withLock { $0.advance(to: .draining) }
        return core.state.wait(until: .after(milliseconds: timeoutMilliseconds)) { $0.isQuiet ? true : nil } ?? false
    }

    /// Drains, then cancels what still runs and releases it, and ends the threads. False when a handler did not come back: its thread is left alone.
    @discardableResult
    package func stop(timeoutMilliseconds: Int) -> Bool {
        _ = drain(timeoutMilliseconds: timeoutMilliseconds)
        core.state.withLock { state in
            state.advance(to: .stopping)
            state.hurry(now: monotonicNow())
        }
        // A lane that waits for Redis comes back within the time of one command.
        let wait =
            core.policy.handlerGraceMilliseconds * 2 + core.policy.blockMilliseconds + core.redis.connectTimeoutMilliseconds
            + core.redis.commandTimeoutMilliseconds * 4
        let hasEnded = core.state.wait(until: .after(milliseconds: wait)) { state -> Bool? in
            state.isWatching || state.isKeeping || state.lanes.contains { $0.isRunning } ? nil : true
        }
        return hasEnded == true && core.counters.snapshot.lanesLost == 0
    }
}
