import Core
import RedisClient
import Synchronization

/// What all threads of a consumer share.
final class ConsumerCore: Sendable {
    let kind: JobKind
    let policy: JobPolicy
    let redis: RedisConfiguration
    let makeHandler: @Sendable (Int) throws -> any JobHandler
    let sink: any DeadLetterSink
    let report: @Sendable (JobConsumerEvent) -> Void
    let counters = JobCounters()
    let state: Monitor<ConsumerState>
    private let toldBrokenAt = Mutex<MonotonicNanoseconds?>(nil)

    private static let tellBrokenEveryNanoseconds: UInt64 = 60_000_000_000

    init(
        kind: JobKind, policy: JobPolicy, redis: RedisConfiguration, name: ConsumerName, lanes: Int,
        makeHandler: @escaping @Sendable (Int) throws -> any JobHandler, sink: any DeadLetterSink,
        report: @escaping @Sendable (JobConsumerEvent) -> Void
    ) {
        self.kind = kind
        self.policy = policy
        self.redis = redis
        self.makeHandler = makeHandler
        self.sink = sink
        self.report = report
        state = Monitor(ConsumerState(base: name, lanes: lanes))
    }

    /// Waits, but not longer than until something in the state is other than it was. False when the consumer stops.
    func pause(milliseconds: Int, unless hasChanged: @Sendable (ConsumerState) -> Bool = { _ in false }) -> Bool {
        let isStopping = state.wait(until: .after(milliseconds: milliseconds)) { state -> Bool? in
            if state.phase == .stopping { return true }
            return hasChanged(state) ? false : nil
        }
        return isStopping != true
    }

    /// Notes that later owners have marked these shards.
    func markStale(_ shards: [OwnedShard]) {
        guard !shards.isEmpty else { return }
        let fresh = state.withLock { $0.markStale(shards) }
        if !fresh.isEmpty { report(.stale(fresh.map(\.shard))) }
    }

    /// Tells the owner of shards whose keys hold what is not ours, once a minute: they stay so until somebody has a look.
    func tellBroken(_ shards: [ShardID: String]) {
        guard !shards.isEmpty else { return }
        let now = monotonicNow()
        let isDue = toldBrokenAt.withLock { toldAt in
            if let last = toldAt, now - last < Self.tellBrokenEveryNanoseconds { return false }
            toldAt = now
            return true
        }
        if isDue { report(.broken(shards)) }
    }

    /// A lane that holds suspects is the only one: whatever they do to the process, other suspects are not in hand.
    func mayHoldSuspects(lane: Int, generation: Int) -> Bool {
        state.withLock(wake: .nobody) { state in
            guard state.isCurrent(lane: lane, generation: generation), state.suspectsLane ?? lane == lane else { return false }
            state.suspectsLane = lane
            return true
        }
    }

    func dropSuspects(lane: Int, generation: Int) {
        state.withLock(wake: .nobody) { state in
            if state.isCurrent(lane: lane, generation: generation), state.suspectsLane == lane { state.suspectsLane = nil }
        }
    }

    /// Runs a call that the watchdog ends when it takes too long.
    ///
    /// - Returns: nil when the lane was given up meanwhile: nobody wants the result. Otherwise the result, and whether the call was cancelled.
    func watched<R>(
        lane: Int, generation: Int, cancel: @escaping @Sendable () -> Void, _ body: (Deadline) throws -> R
    ) -> (result: Result<R, any Error>, wasCancelled: Bool, nanoseconds: UInt64)? {
        let start = monotonicNow()
        let limit = start + UInt64(policy.handlerMilliseconds) * 1_000_000
        state.withLock(wake: .nobody) { state in
            if state.isCurrent(lane: lane, generation: generation) {
                state.lanes[lane].call = ConsumerState.Call(cancel: cancel, limit: limit)
            }
        }
        let deadline = Deadline.after(milliseconds: policy.handlerMilliseconds)
        let result = Result { try body(deadline) }
        let end = monotonicNow()
        let wasCancelled = state.wait(until: .never) { state -> Bool?? in
            guard state.isCurrent(lane: lane, generation: generation) else { return .some(nil) }
            guard state.lanes[lane].call?.isCancelling != true else { return nil }
            let wasCancelled = state.lanes[lane].call?.cancelledAt != nil
            state.lanes[lane].call = nil
            return wasCancelled
        }
        guard let wasCancelled = wasCancelled ?? nil else { return nil }
        return (result, wasCancelled, end - start)
    }
}
