import Core
import JobQueue
import TestServers
import Testing

@Suite struct ForeignKeyTests {
    private static let stream1 = "{fature:commission:001}:s"

    @Test("keys that another program overwrites stop their own shards only, and are reported")
    func overwritten() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let works = try Works.start(redis: redis) { _, jobs, gate in
            _ = gate.wait()
            return jobs.map {
                (Int64($0.id.text) ?? 0) % 10 == 7 && $0.failures == 0 ? .retry(JobCause("first"), error: "") : .done
            }
        }
        let queue = try works.queue()
        _ = try queue.add((0..<400).map { try newJob($0, shard: Int($0) % 4) })
        works.consumer.setShards(owned(0, 1, 2, 3))
        #expect(try await eventually { works.gate.waiting == 1 })
        // While jobs of all of them are in hand; then their shards are given to the consumer anew.
        try raw.command("SET", .text(Self.stream1), "mine")
        try raw.command("SET", "{fature:commission:002}:f", "mine")
        try raw.command("SET", "{fature:commission:003}:z", "mine")
        works.gate.open()
        works.consumer.setShards(owned(0, 1, 2, 3, epoch: 2))
        // Of shard 0 those that failed too, which the keeper promotes.
        #expect(try await eventually { (0..<100).allSatisfy { works.ledger.count($0 * 4) > 0 } })
        #expect(
            try await eventually { works.has { if case .broken(let shards) = $0 { shards[ShardID(1)] != nil } else { false } } })
        #expect(!works.has { if case .broken(let shards) = $0 { shards[ShardID(0)] != nil } else { false } })
        let stats = try works.stats(0, 1, 2, 3)
        #expect(stats.map { $0.refusal != nil } == [false, true, true, true])
        #expect(stats[1].refusal?.contains(Self.stream1) == true)
        #expect(!works.has { if case .unsettled = $0 { true } else { false } })
        // With the keys away again their jobs go on; those that were in the stream are swept.
        try raw.command("DEL", .text(Self.stream1), "{fature:commission:002}:f", "{fature:commission:003}:z")
        let missing = (0..<Int64(400)).filter { works.ledger.count($0) == 0 }
        _ = try queue.sweepAdd(try missing.map { try newJob($0, shard: Int($0) % 4) })
        #expect(try await eventually { works.ledger.distinct == 400 })
        #expect(try works.stats(0, 1, 2, 3).allSatisfy { $0.refusal == nil })
        #expect(try await works.stop())
    }

    @Test(
        "a shard whose marker was above its owner's epoch is worked at again once the marker is set back, former owners' jobs at once"
    )
    func markerAbove() async throws {
        let redis = try await PrivateRedis.start()
        let dead = JobQueue(.commission, on: try redis.connect())
        let one = OwnedShard(ShardID(1), Epoch(2))
        _ = try dead.markEpoch(OwnedShard(ShardID(1), Epoch(900)))
        _ = try dead.add((0..<60).map { try newJob($0) })
        #expect(try dead.take(owned(1, epoch: 900), .upTo(20)).jobs.count == 20)
        var policy = JobPolicy.quick
        policy.takeoverIdleMilliseconds = 86_400_000
        let works = try Works.start(redis: redis, policy: policy, lanes: 2)
        works.consumer.setShards([one])
        #expect(try await eventually { works.has { if case .stale(let shards) = $0 { shards == [ShardID(1)] } else { false } } })
        #expect(works.ledger.distinct == 0)
        #expect(try dead.resetEpochs([(one, Epoch(900))]) == [one])
        works.consumer.setInOrder([one])
        #expect(try await eventually { works.ledger.distinct == 60 })
        #expect(works.consumer.counters.snapshot.crashed == 20)
        #expect(try dead.stats([ShardID(1)])[0].epoch == Epoch(2))
        #expect(try await works.stop())
    }
}
