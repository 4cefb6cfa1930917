import Core
import JobQueue
import RedisClient
import TestServers
import Testing

@Suite struct OperationTests {
    @Test("a job that is added is taken once, and gone when it is done")
    func addTakeDone() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let job = try NewJob(JobID(7), shard: ShardID(3), payload: [1, 2, 3], enqueuedAtMilliseconds: 99)
        #expect(try queue.add([job]) == [.added])
        let shards = [OwnedShard(ShardID(2), Epoch(1)), OwnedShard(ShardID(3), Epoch(1))]
        let taken = try queue.take(shards, TakeLimits(perShardMax: 10, jobsMax: 10))
        #expect(taken.jobs.map(\.id.text) == ["7"])
        #expect(taken.jobs.first.map { Array($0.payload) } == [1, 2, 3])
        #expect(taken.wiped == [ShardID(2), ShardID(3)])
        #expect(try queue.take(shards, TakeLimits(perShardMax: 10, jobsMax: 10, blockMilliseconds: 20)).isEmpty)
        #expect(try queue.done(taken.jobs) == 1)
        let stats = try queue.stats([ShardID(3)])[0]
        #expect(stats.waiting == 0 && stats.pending == 0)
    }
}
