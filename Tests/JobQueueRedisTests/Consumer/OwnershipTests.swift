import Core
import JobQueue
import RedisClient
import Synchronization
import TestServers
import Testing

@Suite struct OwnershipTests {
    @Test("shards that go from consumer to consumer, each of which stops in full flow, lose nothing and repeat nothing")
    func handOff() async throws {
        let redis = try await PrivateRedis.start()
        let ledger = Ledger()
        let shards = (0..<8).map { ShardID($0) }
        let queue = JobQueue(.commission, on: try redis.connect())
        for shard in shards { _ = try queue.markEpoch(OwnedShard(shard, Epoch(0))) }
        var next: Int64 = 0
        var crashed: Int64 = 0
        for round in 0..<6 {
            let works = try Works.start(redis: redis, lanes: 2, ledger: ledger)
            works.consumer.setShards(shards.map { OwnedShard($0, Epoch(Int64(round) + 1)) })
            _ = try queue.add((next..<(next + 500)).map { try newJob($0, shard: Int($0) % 8) })
            next += 500
            let some = next - 250
            #expect(try await eventually { ledger.distinct >= some })
            if round == 5 {
                let count = next
                #expect(try await eventually { ledger.distinct == count })
            }
            #expect(try await works.stop())
            crashed += works.consumer.counters.snapshot.crashed
        }
        #expect((0..<next).allSatisfy { ledger.count($0) == 1 })
        #expect(crashed == 0)
        #expect(try queue.stats(shards).allSatisfy { $0.waiting + $0.pending + $0.known == 0 })
    }

    @Test("shards that change hands without a word to the one before are all done, and leave nothing behind")
    func disorder() async throws {
        let redis = try await PrivateRedis.start()
        let ledger = Ledger()
        var policy = JobPolicy.quick
        // Each change counts as the crash of whoever had the jobs.
        policy.crashesMax = 250
        let pair = try (0..<2).map { [policy] _ in try Works.start(redis: redis, policy: policy, lanes: 2, ledger: ledger) }
        let shards = (0..<8).map { ShardID($0) }
        let queue = try pair[0].queue()
        for shard in shards { _ = try queue.markEpoch(OwnedShard(shard, Epoch(0))) }
        var next: Int64 = 0
        for round in 0..<20 {
            _ = try queue.add((next..<(next + 300)).map { try newJob($0, shard: Int($0) % 8) })
            next += 300
            pair[round % 2].consumer.setShards(shards.map { OwnedShard($0, Epoch(Int64(round) + 1)) })
        }
        let count = next
        #expect(try await eventually { ledger.distinct == count })
        #expect(try await eventually { try pair[0].queue().stats(shards).allSatisfy { $0.waiting + $0.pending + $0.known == 0 } })
        for works in pair { #expect(try await works.stop()) }
    }

    @Test(
        "an owner that was replaced without knowing it is told so, takes nothing more, and its job in hand is done by the next one"
    )
    func twoOwners() async throws {
        let redis = try await PrivateRedis.start()
        let old = try Works.start(redis: redis) { _, jobs, gate in
            _ = gate.wait()
            return jobs.map { _ in .done }
        }
        let new = try Works.start(redis: redis)
        let queue = try old.queue()
        _ = try queue.markEpoch(OwnedShard(ShardID(1), Epoch(1)))
        _ = try queue.add([newJob(1)])
        old.consumer.setShards(owned(1))
        #expect(try await eventually { old.gate.waiting == 1 })
        new.consumer.setShards(owned(1, epoch: 2))
        #expect(try await eventually { new.ledger.count(1) == 1 })
        old.gate.open()
        #expect(try await eventually { old.has { if case .stale(let shards) = $0 { shards == [ShardID(1)] } else { false } } })
        _ = try queue.add((2..<100).map { try newJob($0) })
        #expect(try await eventually { new.ledger.distinct == 99 })
        #expect(old.ledger.distinct == 1 && old.consumer.counters.snapshot.lost == 1)
        #expect(try await old.stop())
        #expect(try await new.stop())
    }

    @Test("a consumer that stops cancels what does not end, and gives everything back as it was")
    func stops() async throws {
        let redis = try await PrivateRedis.start()
        let works = try Works.start(redis: redis, lanes: 2) { handler, jobs, gate in
            _ = gate.wait(until: { handler.isCancelled.load(ordering: .acquiring) })
            throw TestServerError("cancelled")
        }
        _ = try works.queue().add((0..<100).map { try newJob($0, shard: Int($0) % 4) })
        works.consumer.setShards(owned(0, 1, 2, 3))
        #expect(try await eventually { works.gate.waiting == 2 })
        let hasStopped = try await ScratchServer.blocking { works.consumer.stop(timeoutMilliseconds: 50) }
        #expect(hasStopped)
        let stats = try works.stats(0, 1, 2, 3)
        #expect(stats.map(\.waiting) == [25, 25, 25, 25] && stats.allSatisfy { $0.pending + $0.known + $0.delayed == 0 })
        #expect(works.consumer.counters.snapshot.failed == 0)
        let jobs = try works.queue().take(owned(0), .upTo(100, released: .any)).jobs
        #expect(jobs.ids == stride(from: 0, to: 100, by: 4).map(String.init) && jobs.allSatisfy { $0.failures + $0.crashes == 0 })
        for shard in 0..<4 {
            let consumers = try redis.connect().command("XINFO", "CONSUMERS", "{fature:commission:00\(shard)}:s", "workers")
                .arrayValue()
            let names = try consumers.map { try $0.arrayValue()[1].text() }
            #expect(names.allSatisfy { !$0.contains("/") })
        }
    }

    @Test("a drain finishes what is in hand and takes nothing more")
    func drains() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.batchMax = 10
        let works = try Works.start(redis: redis, policy: policy) { _, jobs, gate in
            _ = gate.wait()
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add((0..<100).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.gate.waiting == 1 })
        let isQuiet = try await ScratchServer.blocking { works.consumer.drain(timeoutMilliseconds: 30) }
        #expect(!isQuiet)
        works.gate.open()
        let isQuietNow = try await ScratchServer.blocking { works.consumer.drain(timeoutMilliseconds: 20_000) }
        #expect(isQuietNow)
        #expect(try await works.stop())
        #expect(works.ledger.distinct == 10)
        #expect(try works.stats(1)[0].waiting == 90)
    }

    @Test("a paused shard is left alone while others go on, and goes on when it is resumed")
    func pauses() async throws {
        let redis = try await PrivateRedis.start()
        let works = try Works.start(redis: redis)
        let queue = try works.queue()
        try queue.pause([ShardID(1)], reason: "wait")
        works.consumer.setShards(owned(1, 2))
        _ = try queue.add((0..<100).map { try newJob($0, shard: 1 + Int($0) % 2) })
        #expect(try await eventually { works.ledger.distinct == 50 })
        #expect(try works.stats(1)[0].waiting == 50)
        try queue.resume([ShardID(1)])
        #expect(try await eventually { works.ledger.distinct == 100 })
        try queue.pause([ShardID(1), ShardID(2)], reason: "wait")
        _ = try queue.add((100..<110).map { try newJob($0, shard: 1 + Int($0) % 2) })
        try queue.resume([ShardID(1), ShardID(2)])
        #expect(try await eventually { works.ledger.distinct == 110 })
        #expect(try await works.stop())
        #expect((0..<110).allSatisfy { works.ledger.count($0) == 1 })
    }
}
