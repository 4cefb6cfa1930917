import Core
import JobQueue
import RedisClient
import Synchronization
import TestServers

/// Shorthands of the tests: shards, jobs and limits.
func owned(_ shards: Int..., epoch: Int64 = 1) -> [OwnedShard] { shards.map { OwnedShard(ShardID($0), Epoch(epoch)) } }

func newJob(_ number: Int64, shard: Int = 1, payload: [UInt8] = [1, 2, 3]) throws -> NewJob {
    try NewJob(JobID(number), shard: ShardID(shard), payload: payload, enqueuedAtMilliseconds: 1_000)
}

extension TakeLimits {
    static func upTo(_ jobs: Int, released: TakeLimits.Released = .none) -> TakeLimits {
        var limits = TakeLimits(perShardMax: jobs, jobsMax: jobs)
        limits.released = released
        return limits
    }
}

extension JobPolicy {
    /// Short times, so that tests need not wait.
    static var quick: JobPolicy {
        var policy = JobPolicy()
        policy.backoffBaseMilliseconds = 1
        policy.backoffCapMilliseconds = 20
        policy.handlerMilliseconds = 5_000
        policy.blockMilliseconds = 50
        return policy
    }
}

extension [Job] {
    var ids: [String] { map(\.id.text) }
}

/// Keeps dead letters in memory; refuses while it is told to.
final class MemorySink: DeadLetterSink {
    struct Refusal: Error {}

    private let state = Mutex<(letters: [DeadLetter], refusals: Int)>(([], 0))

    var letters: [DeadLetter] { state.withLock { $0.letters } }
    func refuse(times: Int) { state.withLock { $0.refusals = times } }
    /// How often it will still refuse.
    var refusals: Int { state.withLock { $0.refusals } }

    func bury(_ letters: [DeadLetter]) throws {
        try state.withLock { state in
            if state.refusals > 0 {
                state.refusals -= 1
                throw Refusal()
            }
            state.letters += letters
        }
    }
}

/// A handler that is a closure, and remembers that it was cancelled.
final class ClosureHandler: JobHandler {
    let isCancelled = Atomic(false)
    private let body: @Sendable (ClosureHandler, [Job]) throws -> [JobOutcome]

    init(_ body: @escaping @Sendable (ClosureHandler, [Job]) throws -> [JobOutcome]) { self.body = body }

    func handle(_ jobs: [Job], deadline: Deadline) throws -> [JobOutcome] {
        isCancelled.store(false, ordering: .releasing)
        return try body(self, jobs)
    }

    func cancel() { isCancelled.store(true, ordering: .releasing) }
}

/// Which jobs were done, and how often.
final class Ledger: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func note(_ jobs: [Job]) {
        counts.withLock { counts in
            for job in jobs { counts[job.id.text, default: 0] += 1 }
        }
    }

    func count(_ id: Int64) -> Int { counts.withLock { $0[String(id)] ?? 0 } }
    var distinct: Int { counts.withLock { $0.count } }
}

/// Waits away from Swift's cooperative threads until something holds; false when that takes over a minute.
func eventually(_ condition: @escaping @Sendable () throws -> Bool) async throws -> Bool {
    try await ScratchServer.blocking {
        let watch = Monitor(())
        for _ in 0..<3_000 {
            if try condition() { return true }
            // Nobody tells us; looking again is all there is.
            _ = watch.wait(until: .after(milliseconds: 20)) { _ -> Bool? in nil }
        }
        return false
    }
}
