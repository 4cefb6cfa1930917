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
}
