import Core
import JobQueue
import RedisClient
import TestServers
import Testing

/// The upper end of every range: the longest backoff.
private struct Greatest: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}

@Suite struct FinishTests {
    private static let shard = ShardID(1)
    private static let epochs = [shard: Epoch(1)]

    @Test(
        "a failed job waits for its backoff with its counts, cause and error, and is dead after one failure more than is forgiven"
    )
    func retries() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        var policy = JobPolicy()
        policy.failuresMax = 2
        policy.backoffBaseMilliseconds = 60_000
        _ = try queue.add([newJob(1, payload: [9, 9])])
        var random = Greatest()
        for failure in 1...2 {
            let job = try #require(try queue.take(owned(1), .upTo(10)).jobs.first)
            #expect(job.failures == failure - 1)
            let failed = FailedJob(job, cause: JobCause("no-plan"), error: "attempt \(failure)")
            #expect(
                try queue.retry([failed], epochs: Self.epochs, policy: policy, using: &random) == [.delayed(60_000 * failure)])
            #expect(try queue.retry([failed], epochs: Self.epochs, policy: policy, using: &random) == [.lost])
            var stats = try queue.stats([Self.shard])[0]
            #expect(stats.delayed == 1 && stats.known == 1 && stats.waiting == 0 && stats.pending == 0)
            let due = try #require(stats.nextDueAtMilliseconds)
            #expect((stats.nowMilliseconds...(stats.nowMilliseconds + 60_000 * Int64(failure))).contains(due))
            #expect(try queue.promoteDue([Self.shard]) == 0)
            #expect(try queue.promoteDue([Self.shard], aheadMilliseconds: 1_000_000) == 1)
            stats = try queue.stats([Self.shard])[0]
            #expect(stats.delayed == 0 && stats.known == 1 && stats.waiting == 1)
        }
        let job = try #require(try queue.take(owned(1), .upTo(10)).jobs.first)
        #expect(job.failures == 2 && job.lastError == "attempt 2" && job.lastCause?.word == "no_plan")
        #expect(Array(job.payload) == [9, 9] && job.id.text == "1" && job.enqueuedAtMilliseconds == 1_000)
        let last = FailedJob(job, cause: JobCause("no_plan"), error: "attempt 3")
        #expect(try queue.retry([last], epochs: Self.epochs, policy: policy, using: &random) == [.dead])
        #expect(try queue.stats([Self.shard])[0].pending == 1)
        let letter = DeadLetter(job, entry: try #require(job.entry), cause: last.cause, error: last.error, failures: 3)
        #expect(try queue.bury([letter]).isBuried == [true])
        #expect(try queue.bury([letter]).isBuried == [false])
        let stats = try queue.stats([Self.shard])[0]
        #expect(stats.dead == 1 && stats.known == 0 && stats.pending == 0 && stats.waiting == 0)
    }

    @Test("a job that somebody else has by now cannot be retried, buried, released or renewed; done leaves it alone")
    func notMine() async throws {
        let redis = try await PrivateRedis.start()
        let first = JobQueue(.commission, on: try redis.connect())
        let second = JobQueue(.commission, on: try redis.connect())
        _ = try first.add([newJob(1)])
        let old = try #require(try first.take(owned(1), .upTo(10)).jobs.first)
        #expect(try second.takeOver(owned(1), Takeover(living: [second.consumer], idleMilliseconds: 0)).taken == 1)
        let new = try #require(try second.take(owned(1), .upTo(10)).jobs.first)
        #expect(new.crashes == 1 && new.entry != old.entry)
        var random = SystemRandomNumberGenerator()
        let failed = FailedJob(old, cause: .timedOut, error: "")
        #expect(try first.retry([failed], epochs: Self.epochs, policy: JobPolicy(), using: &random) == [.lost])
        let letter = DeadLetter(old, entry: try #require(old.entry), cause: .timedOut, error: "", failures: 1)
        #expect(try first.bury([letter]).isBuried == [false])
        #expect(try first.release([old]) == [false])
        #expect(try first.renew([(old.shard, try #require(old.entry))], of: first.consumer) == [false])
        #expect(try first.done([old]) == 0)
        #expect(try first.renew([(new.shard, try #require(new.entry))], of: second.consumer) == [true])
        let stats = try second.stats([Self.shard])[0]
        #expect(stats.pending == 1 && stats.known == 1)
        #expect(try second.done([new]) == 1)
        #expect(try second.stats([Self.shard])[0].known == 0)
    }

    @Test("an owner with an older epoch cannot delay a job or take jobs over, but can release")
    func stale() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add([newJob(1)])
        let job = try #require(try queue.take(owned(1), .upTo(10)).jobs.first)
        _ = try queue.markEpoch(OwnedShard(Self.shard, Epoch(2)))
        var random = SystemRandomNumberGenerator()
        let failed = [FailedJob(job, cause: .timedOut, error: "")]
        #expect(try queue.retry(failed, epochs: Self.epochs, policy: JobPolicy(), using: &random) == [.stale])
        #expect(try queue.retry(failed, epochs: [:], policy: JobPolicy(), using: &random) == [.stale])
        #expect(try queue.takeOver(owned(1), Takeover(living: [], idleMilliseconds: 0)).stale == [Self.shard])
        #expect(try queue.release([job]) == [true])
        #expect(try queue.retry(failed, epochs: [Self.shard: Epoch(2)], policy: JobPolicy(), using: &random) == [.lost])
    }

    @Test("released jobs come back first, in their order, as they were; suspects among them come apart from others")
    func released() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<8).map { try newJob($0) })
        let jobs = try queue.take(owned(1), .upTo(4)).jobs
        #expect(try queue.release([jobs[2], jobs[0], jobs[3], jobs[1]]) == [true, true, true, true])
        #expect(try queue.stats([Self.shard])[0].waiting == 8)
        #expect(try queue.take(owned(1), .upTo(1)).jobs.ids == ["4"])
        let again = try queue.take(owned(1), .upTo(6, released: .any)).jobs
        #expect(again.ids == ["0", "1", "2", "3", "5", "6"])
        #expect(again.allSatisfy { $0.failures == 0 && $0.crashes == 0 })

        // 0 to 6 are in hand. 0 to 3 come to have been in one crash, then 0 in two.
        try queue.release(again)
        var suspects = try queue.take(owned(1), .upTo(4, released: .any)).jobs
        #expect(suspects.ids == ["0", "1", "2", "3"])
        let lost = JobQueue(.commission, on: try redis.connect())
        #expect(try queue.takeOver(owned(1), Takeover(living: [lost.consumer], idleMilliseconds: 0)).taken == 5)
        // 7, and behind it 0 to 4 with one crash each.
        suspects = try queue.take(owned(1), .upTo(10)).jobs
        #expect(suspects.ids == ["7", "0", "1", "2", "3", "4"])
        #expect(suspects.map(\.crashes) == [0, 1, 1, 1, 1, 1])
        try queue.release(suspects)
        #expect(try queue.take(owned(1), .upTo(10, released: .clean)).jobs.ids == ["5", "6", "7"])
        #expect(try queue.take(owned(1), .upTo(10, released: .clean)).jobs.isEmpty)
        var limits = TakeLimits.upTo(10, released: .any)
        limits.suspectsMax = 2
        #expect(try queue.take(owned(1), limits).jobs.ids == ["0", "1"])
        #expect(try queue.take(owned(1), limits).jobs.ids == ["2", "3"])
    }

    @Test("what Redis has under a consumer's name can be released without knowing it")
    func releaseOwn() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let other = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<1_300).map { try newJob($0) } + [newJob(5_000, shard: 2)])
        #expect(try other.take(owned(1), .upTo(10)).jobs.count == 10)
        #expect(try queue.take(owned(1, 2), .upTo(2_000)).jobs.count == 1_291)
        #expect(try queue.releaseOwn([ShardID(1), ShardID(2), ShardID(3)]) == 1_291)
        let stats = try queue.stats([ShardID(1), ShardID(2)])
        #expect(stats.map(\.pending) == [10, 0] && stats.map(\.waiting) == [1_290, 1])
    }

    @Test("a full :dlq drops its oldest letters, and says how many")
    func fullDeadLetters() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let raw = try redis.connect()
        let batch: [[RedisArgument]] = (0..<JobQueue.deadLettersMax).map { _ in
            ["XADD", "{fature:commission:001}:dlq", "*", "j", "x"]
        }
        _ = try raw.pipeline(batch)
        _ = try queue.add((0..<3).map { try newJob($0) })
        let letters = try queue.take(owned(1), .upTo(10)).jobs.map { job in
            DeadLetter(job, entry: try #require(job.entry), cause: .crashed, error: "", failures: 0)
        }
        let (isBuried, dropped) = try queue.bury(letters)
        #expect(isBuried == [true, true, true] && dropped == 3)
        #expect(try queue.stats([Self.shard])[0].dead == JobQueue.deadLettersMax)
    }
}
