import Core
import JobQueue
import RedisClient
import Synchronization
import TestServers
import Testing

@Suite struct PoisonTests {
    @Test("a handler that hangs on one job and can be cancelled fails that job alone, as timed out")
    func hangs() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.failuresMax = 1
        policy.handlerMilliseconds = 150
        policy.handlerGraceMilliseconds = 20_000
        let works = try Works.start(redis: redis, policy: policy) { handler, jobs, gate in
            guard jobs.contains(where: { $0.id.text == "13" }) else { return jobs.map { _ in .done } }
            if gate.wait(until: { handler.isCancelled.load(ordering: .acquiring) }) { return jobs.map { _ in .done } }
            throw TestServerError("cancelled")
        }
        _ = try works.queue().add((0..<40).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.sink.letters.count == 1 && works.consumer.counters.snapshot.dead == 1 })
        #expect(works.sink.letters.first?.cause == .timedOut && works.sink.letters.first?.failures == 2)
        #expect((0..<40).allSatisfy { works.ledger.count($0) == ($0 == 13 ? 0 : 1) })
        #expect(works.consumer.counters.snapshot.lanesLost == 0 && works.consumer.counters.snapshot.crashed == 0)
        #expect(try await works.stop())
    }

    @Test(
        "a handler that does not come back loses its lane; its poison dies as crashed, all others are done, and late results count for nothing"
    )
    func hangsForGood() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.crashesMax = 3
        policy.handlerMilliseconds = 60
        policy.handlerGraceMilliseconds = 60
        let worst = Mutex(0)
        let works = try Works.start(redis: redis, policy: policy, lanes: 2) { _, jobs, gate in
            let crashes = jobs.filter { $0.id.text != "13" }.map(\.crashes).max() ?? 0
            worst.withLock { $0 = max($0, crashes) }
            if jobs.contains(where: { $0.id.text == "13" }) { _ = gate.wait() }
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add((0..<200).map { try newJob($0, shard: Int($0) % 4) })
        works.consumer.setShards(owned(0, 1, 2, 3))
        #expect(try await eventually { works.sink.letters.count == 1 && works.consumer.counters.snapshot.dead == 1 })
        #expect(works.sink.letters.first?.cause == .crashed && works.sink.letters.first?.crashes == 4)
        #expect(works.sink.letters.first?.id.text == "13")
        #expect(try await eventually { (0..<200).allSatisfy { works.ledger.count($0) > 0 || $0 == 13 } })
        // One crash in the batch, one in the group.
        #expect(worst.withLock { $0 } <= 2)
        #expect(works.consumer.counters.snapshot.lanesLost == 4 && works.gate.waiting == 4)
        #expect(works.has { if case .laneLost = $0 { true } else { false } })
        let done = works.consumer.counters.snapshot.done
        works.gate.open()
        #expect(try await eventually { works.gate.waiting == 0 })
        #expect(try await !works.stop())
        #expect(works.consumer.counters.snapshot.done == done)
        #expect(try works.stats(0, 1, 2, 3).allSatisfy { $0.waiting + $0.pending + $0.delayed + $0.known == 0 })
    }

    @Test("jobs of a worker that died are done by the next owner, at once and with one crash; its own late words change nothing")
    func deadWorker() async throws {
        let redis = try await PrivateRedis.start()
        let dead = JobQueue(.commission, on: try redis.connect())
        _ = try dead.add((0..<60).map { try newJob($0) })
        #expect(try dead.markEpoch(OwnedShard(ShardID(1), Epoch(1))) == .raised)
        let held = try dead.take(owned(1), .upTo(50)).jobs
        let seen = Mutex<[String: Int]>([:])
        var policy = JobPolicy.quick
        policy.takeoverIdleMilliseconds = 86_400_000
        let works = try Works.start(redis: redis, policy: policy, lanes: 2) { _, jobs, _ in
            seen.withLock { seen in for job in jobs { seen[job.id.text] = job.crashes } }
            return jobs.map { _ in .done }
        }
        works.consumer.setShards(owned(1, epoch: 2))
        #expect(try await eventually { works.consumer.counters.snapshot.done == 60 })
        #expect(seen.withLock { seen in (0..<60).allSatisfy { seen[String($0)] == ($0 < 50 ? 1 : 0) } })
        #expect(works.consumer.counters.snapshot.crashed == 50)
        #expect(try dead.done(held) == 0)
        #expect(try dead.take(owned(1), .upTo(50)).stale == [ShardID(1)])
        #expect(try await works.stop())
    }

    @Test("a job that takes longer than the time for takeovers is not taken over while its lane lives")
    func renewed() async throws {
        let redis = try await PrivateRedis.start()
        var policy = JobPolicy.quick
        policy.takeoverIdleMilliseconds = 400
        policy.handlerMilliseconds = 60_000
        let works = try Works.start(redis: redis, policy: policy) { _, jobs, gate in
            _ = gate.wait()
            return jobs.map { _ in .done }
        }
        _ = try works.queue().add([newJob(1)])
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.gate.waiting == 1 })
        let queue = try works.queue()
        let start = try queue.stats([ShardID(1)])[0].nowMilliseconds
        #expect(try await eventually { try works.stats(1)[0].nowMilliseconds > start + 2_000 })
        #expect(works.consumer.counters.snapshot.crashed == 0)
        works.gate.open()
        #expect(try await eventually { works.consumer.counters.snapshot.done == 1 })
        #expect(try await works.stop())
        #expect(works.ledger.count(1) == 1 && works.consumer.counters.snapshot.lost == 0)
    }

    @Test("what is no job goes to the sink as malformed, and jobs beside it are done")
    func malformed() async throws {
        let redis = try await PrivateRedis.start()
        let works = try Works.start(redis: redis)
        let raw = try redis.connect()
        for number in 0..<20 {
            try raw.command(
                "XADD", "{fature:commission:001}:s", "*", "j", .bytes([UInt8](repeating: UInt8(number), count: number * 10)))
            _ = try works.queue().add([newJob(Int64(number))])
        }
        works.consumer.setShards(owned(1))
        #expect(
            try await eventually { works.consumer.counters.snapshot.done == 20 && works.consumer.counters.snapshot.dead == 20 })
        #expect(works.sink.letters.count == 20 && works.sink.letters.allSatisfy { $0.cause == .malformed })
        #expect(try await works.stop())
        #expect(try works.stats(1)[0].waiting == 0)
    }
}
