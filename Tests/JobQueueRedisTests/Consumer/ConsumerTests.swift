import Core
import JobQueue
import RedisClient
import TestServers
import Testing

@Suite struct ConsumerTests {
    @Test("every job of every shard is done, in all lanes, and nothing stays in Redis")
    func allDone() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let ledger = Ledger()
        let consumer = try JobConsumer(
            .commission, policy: .quick, redis: try RedisConfiguration(url: redis.url), lanes: 3, sink: MemorySink()
        ) { _ in
            ClosureHandler { _, jobs in
                ledger.note(jobs)
                return jobs.map { _ in .done }
            }
        }
        try consumer.start()
        consumer.setShards((0..<16).map { OwnedShard(ShardID($0), Epoch(1)) })
        for start in stride(from: 0, to: 10_000, by: 1_000) {
            let jobs = try (start..<(start + 1_000)).map { try newJob(Int64($0), shard: $0 % 16) }
            #expect(try queue.add(jobs).allSatisfy { $0 == .added })
        }
        #expect(try await eventually { consumer.counters.snapshot.done == 10_000 })
        #expect(ledger.distinct == 10_000)
        #expect((0..<10_000).allSatisfy { ledger.count($0) == 1 })
        let stats = try queue.stats((0..<16).map { ShardID($0) })
        #expect(stats.allSatisfy { $0.waiting + $0.pending + $0.delayed + $0.known + $0.dead == 0 })
        #expect(try await ScratchServer.blocking { consumer.stop(timeoutMilliseconds: 5_000) })
        #expect(consumer.counters.snapshot.taken == 10_000)
    }

    @Test("jobs that fail alone are delayed and tried again; one that always fails ends in the sink and in the dead letters")
    func failures() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let ledger = Ledger()
        let sink = MemorySink()
        var policy = JobPolicy.quick
        policy.failuresMax = 2
        let consumer = try JobConsumer(
            .commission, policy: policy, redis: try RedisConfiguration(url: redis.url), lanes: 1, sink: sink
        ) { _ in
            ClosureHandler { _, jobs in
                if jobs.contains(where: { $0.id.text == "13" }) { throw JobFailure(JobCause("unlucky"), "no luck with 13") }
                ledger.note(jobs)
                return jobs.map { _ in .done }
            }
        }
        #expect(try queue.add((0..<100).map { try newJob($0) }).allSatisfy { $0 == .added })
        sink.refuse(times: 1)
        consumer.setShards(owned(1))
        try consumer.start()
        #expect(try await eventually { sink.letters.count == 1 && consumer.counters.snapshot.dead == 1 })
        #expect(sink.letters.first?.cause.word == "unlucky" && sink.letters.first?.failures == 3)
        #expect(sink.letters.first?.error == "no luck with 13" && sink.letters.first?.id.text == "13")
        #expect((0..<100).allSatisfy { ledger.count($0) == ($0 == 13 ? 0 : 1) })
        #expect(try await ScratchServer.blocking { consumer.stop(timeoutMilliseconds: 5_000) })
        let stats = try queue.stats([ShardID(1)])[0]
        #expect(stats.waiting + stats.pending + stats.delayed + stats.known == 0 && stats.dead == 1)
        #expect(try queue.inspect(.dead, of: ShardID(1), count: 10).map { $0.job?.lastCause?.word } == ["unlucky"])
    }
}
