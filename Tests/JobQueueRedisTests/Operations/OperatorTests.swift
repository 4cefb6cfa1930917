import Core
import JobQueue
import RedisClient
import TestServers
import Testing

@Suite struct OperatorTests {
    private static let shard = ShardID(1)

    /// One job delayed (0), three in hand (1 to 3, of which 3 is released), six waiting (4 to 9).
    private func filled(_ redis: PrivateRedis) throws -> JobQueue {
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<10).map { try newJob($0) })
        let jobs = try queue.take(owned(1), .upTo(4)).jobs
        var random = SystemRandomNumberGenerator()
        var policy = JobPolicy()
        policy.backoffBaseMilliseconds = 1_000_000
        policy.backoffCapMilliseconds = 1_000_000
        _ = try queue.retry(
            [FailedJob(jobs[0], cause: .timedOut, error: "slow")], epochs: [Self.shard: Epoch(1)], policy: policy, using: &random)
        try queue.release([jobs[3]])
        return queue
    }

    @Test("figures tell what waits, is in hand, delayed and dead, and since when")
    func stats() async throws {
        let redis = try await PrivateRedis.start()
        let queue = try filled(redis)
        let stats = try queue.stats((0..<256).map { ShardID($0) })
        #expect(stats.count == 256 && stats.filter { $0.waiting > 0 }.count == 1)
        let one = stats[1]
        #expect(one.waiting == 7 && one.pending == 2 && one.delayed == 1 && one.known == 1 && one.dead == 0 && one.epoch == nil)
        let entries = try redis.connect().command("XRANGE", "{fature:commission:001}:s", "-", "+").arrayValue()
        let times = try entries.map { Int64(try $0.arrayValue()[0].text().split(separator: "-")[0]) }
        #expect(one.oldestPendingAtMilliseconds == times[0] && one.oldestWaitingAtMilliseconds == times[2])
        #expect(one.oldestMilliseconds == times[0])
        #expect(stats[2].oldestMilliseconds == nil)
        #expect(one.nowMilliseconds >= times[0] ?? 0)
    }

    @Test("jobs can be looked at without touching them")
    func inspect() async throws {
        let redis = try await PrivateRedis.start()
        let queue = try filled(redis)
        func ids(_ what: JobQueue.Inspected, after: EntryID? = nil, _ count: Int = 100) throws -> [String] {
            try queue.inspect(what, of: Self.shard, after: after, count: count).map { $0.job?.id.text ?? "?" }
        }
        for _ in 0..<2 {
            #expect(try ids(.waiting) == ["3", "4", "5", "6", "7", "8", "9"])
            #expect(try ids(.waiting, 3) == ["3", "4", "5"])
            #expect(try ids(.inHand) == ["1", "2"])
            #expect(try ids(.delayed) == ["0"])
            #expect(try ids(.dead).isEmpty)
        }
        let third = try #require(try queue.inspect(.waiting, of: Self.shard, count: 3).last?.entry)
        #expect(try ids(.waiting, after: third) == ["6", "7", "8", "9"])
        let first = try #require(try queue.inspect(.waiting, of: Self.shard, count: 1).last?.entry)
        #expect(try ids(.waiting, after: first) == ["4", "5", "6", "7", "8", "9"])
        #expect(try queue.inspect(.delayed, of: Self.shard, count: 1).first?.job?.lastError == "slow")
        #expect(try queue.inspect(.waiting, of: ShardID(200), count: 1).isEmpty)
    }

    @Test("a job is found wherever it is, and cancelled unless it is in hand")
    func findAndCancel() async throws {
        let redis = try await PrivateRedis.start()
        let queue = try filled(redis)
        func place(_ number: Int64) throws -> JobPlace? { try queue.find(JobID(number), in: Self.shard)?.place }
        guard case .delayed = try place(0) else { throw TestServerError("0 is not delayed") }
        #expect(try place(1)?.isInHand(of: queue.consumer) == true)
        #expect(try place(3) == .waiting && place(9) == .waiting && place(10) == nil)
        #expect(try queue.cancel(JobID(0), in: Self.shard) == .cancelled)
        #expect(try queue.cancel(JobID(1), in: Self.shard) == .inHand)
        #expect(try queue.cancel(JobID(3), in: Self.shard) == .cancelled)
        #expect(try queue.cancel(JobID(9), in: Self.shard) == .cancelled)
        #expect(try queue.cancel(JobID(9), in: Self.shard) == .notFound)
        #expect(try queue.cancel(JobID(9), in: ShardID(200)) == .notFound)
        let stats = try queue.stats([Self.shard])[0]
        #expect(stats.waiting == 5 && stats.pending == 2 && stats.delayed == 0 && stats.known == 0)
        #expect(try queue.take(owned(1), .upTo(10, released: .any)).jobs.ids == ["4", "5", "6", "7", "8"])
    }

    @Test("a job far down a long stream is found, up to the limit")
    func findFar() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<7_000).map { try newJob($0) })
        #expect(try queue.find(JobID(6_999), in: Self.shard)?.place == .waiting)
        #expect(try queue.find(JobID(6_999), in: Self.shard, entriesMax: 4_000) == nil)
    }

    @Test("dead letters are listed page by page, and discarded")
    func deadLetters() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<5).map { try newJob($0) })
        let letters = try queue.take(owned(1), .upTo(10)).jobs.map {
            DeadLetter($0, entry: try #require($0.entry), cause: JobCause("why"), error: "because", failures: 9)
        }
        _ = try queue.bury(letters)
        try redis.connect().command("XADD", "{fature:commission:001}:dlq", "*", "x", "y")
        let page = try queue.inspect(.dead, of: Self.shard, count: 4)
        #expect(
            page.map { $0.job?.id.text } == ["0", "1", "2", "3"]
                && page.allSatisfy { $0.job?.failures == 9 && $0.job?.lastError == "because" })
        let rest = try queue.inspect(.dead, of: Self.shard, after: page.last?.entry, count: 4)
        #expect(rest.map { $0.job?.id.text } == ["4", nil])
        let entries = (page + rest).compactMap(\.entry)
        #expect(try queue.discard([entries[0], entries[5]], of: Self.shard) == 2)
        #expect(try queue.discard([entries[0]], of: Self.shard) == 0)
        #expect(try queue.stats([Self.shard])[0].dead == 4)
    }
}
