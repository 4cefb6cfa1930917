import JobQueue
import TestServers
import Testing

@Suite struct PolicyTests {
    @Test("a backoff is anything from nothing to twice the time of the one before, and never over the cap")
    func backoff() {
        var policy = JobPolicy()
        policy.backoffBaseMilliseconds = 100
        policy.backoffCapMilliseconds = 1_000
        var random = SeededGenerator(seed: 1)
        for (failures, limit) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (60, 1_000), (250, 1_000)] {
            let waits = (0..<2_000).map { _ in policy.backoffMilliseconds(failures: failures, using: &random) }
            #expect(waits.allSatisfy { (0...limit).contains($0) })
            #expect(waits.contains { $0 < limit / 10 } && waits.contains { $0 > limit * 9 / 10 })
        }
    }

    @Test("a postponement waits as a backoff does, up to a cap of its own")
    func postponement() {
        var policy = JobPolicy()
        policy.backoffBaseMilliseconds = 100
        policy.backoffCapMilliseconds = 10_000
        policy.postponementCapMilliseconds = 500
        var random = SeededGenerator(seed: 3)
        for (time, limit) in [(1, 100), (2, 200), (3, 400), (4, 500), (250, 500)] {
            let waits = (0..<2_000).map { _ in policy.postponementMilliseconds(time: time, using: &random) }
            #expect(waits.allSatisfy { (0...limit).contains($0) } && waits.contains { $0 > limit * 9 / 10 })
        }
    }

    @Test("a backoff never overflows, whatever base and cap a policy may have")
    func extremes() throws {
        var policy = JobPolicy()
        policy.backoffBaseMilliseconds = 86_400_000
        policy.backoffCapMilliseconds = 86_400_000 * 30
        try policy.validate()
        var random = SeededGenerator(seed: 2)
        for failures in [0, 1, 2, 5, 33, 64, 250, .max] {
            #expect((0...policy.backoffCapMilliseconds).contains(policy.backoffMilliseconds(failures: failures, using: &random)))
        }
    }

    @Test("so many failures and crashes are forgiven, and one more is not")
    func forgiven() {
        let policy = JobPolicy()
        #expect(!policy.isDead(failures: policy.failuresMax, crashes: policy.crashesMax))
        #expect(policy.isDead(failures: policy.failuresMax + 1, crashes: 0))
        #expect(policy.isDead(failures: 0, crashes: policy.crashesMax + 1))
    }

    @Test(
        "a policy that cannot work is refused, with the value's name",
        arguments: [
            \JobPolicy.failuresMax, \.crashesMax, \.backoffBaseMilliseconds, \.backoffCapMilliseconds, \.handlerMilliseconds,
            \.handlerGraceMilliseconds, \.takeoverIdleMilliseconds, \.batchMax, \.batchPerShardMax, \.suspectsMax,
            \.triedMax, \.postponementCapMilliseconds, \.blockMilliseconds,
        ])
    func refused(path: WritableKeyPath<JobPolicy, Int> & Sendable) throws {
        var policy = JobPolicy()
        try policy.validate()
        policy[keyPath: path] = -1
        #expect(throws: JobQueueError.self) { try policy.validate() }
        policy[keyPath: path] = .max
        #expect(throws: JobQueueError.self) { try policy.validate() }
    }
}
