import Core
import JobQueue
import RedisClient
import TestServers
import Testing

@Suite struct TakeTests {
    @Test("a job that is added is taken once, and gone when it is done")
    func addTakeDone() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        #expect(try queue.add([newJob(7, shard: 3)]) == [.added])
        let shards = owned(2, 3)
        let taken = try queue.take(shards, .upTo(10))
        #expect(taken.jobs.ids == ["7"])
        #expect(taken.jobs.first.map { Array($0.payload) } == [1, 2, 3])
        #expect(taken.jobs.first?.enqueuedAtMilliseconds == 1_000)
        #expect(taken.wiped == [ShardID(2), ShardID(3)])
        #expect(try queue.take(shards, TakeLimits(perShardMax: 10, jobsMax: 10, blockMilliseconds: 20)).isEmpty)
        #expect(try queue.done(taken.jobs) == 1)
        #expect(try queue.done(taken.jobs) == 0)
        let stats = try queue.stats([ShardID(3)])[0]
        #expect(stats.waiting == 0 && stats.pending == 0)
        #expect(try redis.connect().command("XLEN", "{fature:commission:003}:s") == .integer(0))
    }
}
