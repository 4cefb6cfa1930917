import Core
import JobQueue
import RedisClient
import Synchronization
import TestServers
import Testing

/// Adds jobs to eight shards, and again after every failure: as an owner does who has them in PostgreSQL.
private struct Adder {
    let redis: PrivateRedis
    static let shards = 8

    func add(_ numbers: [Int64]) async throws {
        try await ScratchServer.blocking {
            let pause = Monitor(())
            for attempt in 0..<500 {
                do {
                    let queue = JobQueue(.commission, on: try redis.connect())
                    let answers = try queue.add(try numbers.map { try newJob($0, shard: Int($0) % Self.shards) })
                    if answers.allSatisfy({ $0 == .added }) { return }
                } catch {
                    if attempt == 499 { throw error }
                }
                _ = pause.wait(until: .after(milliseconds: 20)) { _ -> Bool? in nil }
            }
            throw TestServerError("never added")
        }
    }
}

@Suite struct OutageTests {
    private static var all: [OwnedShard] { (0..<Adder.shards).map { OwnedShard(ShardID($0), Epoch(1)) } }

    private func isEmpty(_ works: Works) throws -> Bool {
        try works.queue().stats((0..<Adder.shards).map { ShardID($0) }).allSatisfy {
            $0.waiting + $0.pending + $0.delayed + $0.known == 0
        }
    }

    /// Adds again what was neither done nor is in a queue: Redis writes its file up to two seconds late when the disk is busy.
    private func sweepAndFinish(_ works: Works, count: Int64) async throws {
        #expect(try await eventually { try isEmpty(works) })
        let missing = (0..<count).filter { works.ledger.count($0) == 0 }
        let swept = try works.queue().sweepAdd(try missing.map { try newJob($0, shard: Int($0) % Adder.shards) })
        #expect(swept.allSatisfy { $0 == .added })
        #expect(try await eventually { works.ledger.distinct == count })
        #expect(try await eventually { try isEmpty(works) })
    }

    @Test(
        "Redis killed again and again in full flow: all is done, what its last writes lost after a sweep, and nothing stays behind"
    )
    func killed() async throws {
        let redis = try await PrivateRedis.start(durable: true)
        let works = try Works.start(redis: redis, lanes: 2) { _, jobs, _ in
            // Some fail on their first try, so that delayed jobs live through it too.
            jobs.map {
                $0.failures == 0 && ($0.payload.first ?? 0) == 1 && (Int64($0.id.text) ?? 0) % 50 == 7
                    ? .retry(JobCause("first"), error: "") : .done
            }
        }
        works.consumer.setShards(Self.all)
        let adder = Adder(redis: redis)
        var next: Int64 = 0
        for round in 0..<4 {
            for _ in 0..<10 {
                try await adder.add(Array(next..<(next + 200)))
                next += 200
            }
            if round < 3 {
                try await redis.kill()
                try await redis.restart()
            }
        }
        try await sweepAndFinish(works, count: next)
        #expect(works.consumer.counters.snapshot.redisFailures > 0)
        #expect(try await works.stop())
    }

    @Test("Redis whose last writes are lost: what was done may come again, what is gone is swept, and all is done")
    func truncated() async throws {
        let redis = try await PrivateRedis.start(durable: true)
        let works = try Works.start(redis: redis, lanes: 2)
        works.consumer.setShards(Self.all)
        let adder = Adder(redis: redis)
        for round in 0..<3 {
            try await adder.add(Array(Int64(round * 1_000)..<Int64((round + 1) * 1_000)))
            try await redis.kill()
            #expect(try redis.cutAppendOnlyFile(bytes: 20_001) > 20_001)
            try await redis.restart()
        }
        try await sweepAndFinish(works, count: 3_000)
        #expect(try await works.stop())
    }

    @Test("Redis torn in the middle of a script's writes, again and again: what nobody would be given is found and done")
    func torn() async throws {
        let redis = try await PrivateRedis.start(durable: true)
        let adder = Adder(redis: redis)
        // A transaction without an end: with `aof-load-truncated` Redis cuts off what is half written, and leaves what goes before it.
        let half = "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n"
        try await redis.kill()
        try redis.tearAppendOnlyFile(appending: half)
        try await redis.restart()
        // Every write is in the file before its answer, so that a kill loses none.
        try redis.connect().command("CONFIG", "SET", "appendfsync", "no")
        // Behind it in the file, so that the next start forgets them, and the one after has them again.
        try await adder.add(Array(0..<100))
        try await redis.kill()
        try redis.tearAppendOnlyFile(appending: "*3\r\n$3\r\nSET\r\n")
        try await redis.restart()
        try redis.connect().command("CONFIG", "SET", "appendfsync", "no")
        let works = try Works.start(redis: redis, lanes: 2)
        // A Redis without the fault forgets nothing, and there is nothing to find.
        let isAtFault = try works.queue().stats(Self.all.map(\.shard)).allSatisfy { $0.waiting == 0 }
        works.consumer.setShards(Self.all)
        try await adder.add(Array(100..<200))
        #expect(try await eventually { try works.ledger.distinct == (isAtFault ? 100 : 200) && isEmpty(works) })
        try await redis.kill()
        try await redis.restart()
        #expect(try await eventually { works.ledger.distinct == 200 })
        #expect(try await eventually { try isEmpty(works) })
        #expect(works.has { if case .recovered = $0 { true } else { false } } == isAtFault)
        #expect(try await works.stop())
    }

    @Test("Redis emptied in full flow: the owner is told which shards to fill again, and all is done")
    func wiped() async throws {
        let redis = try await PrivateRedis.start()
        let works = try Works.start(redis: redis, lanes: 2)
        let queue = try works.queue()
        for owned in Self.all { _ = try queue.markEpoch(owned) }
        works.consumer.setShards(Self.all)
        let adder = Adder(redis: redis)
        try await adder.add(Array(0..<3_000))
        try redis.connect().command("FLUSHALL")
        try await adder.add(Array(3_000..<3_500))
        #expect(try await eventually { works.has { if case .wiped(let shards) = $0 { !shards.isEmpty } else { false } } })
        let missing = (0..<Int64(3_500)).filter { works.ledger.count($0) == 0 }
        try await adder.add(missing)
        for owned in Self.all { #expect(try queue.markEpoch(owned) == .raised) }
        #expect(try await eventually { works.ledger.distinct == 3_500 })
        #expect(try await eventually { try isEmpty(works) })
        #expect(try await works.stop())
    }

    @Test("Redis full: adding is refused, all else goes on, and what was refused can be added once there is room")
    func full() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let queue = JobQueue(.commission, on: try redis.connect())
        let used = try raw.command("INFO", "memory").text().split(separator: "\r\n").first { $0.hasPrefix("used_memory:") }
        let bytes = try #require(used.flatMap { Int64($0.dropFirst("used_memory:".count)) })
        try raw.command("CONFIG", "SET", "maxmemory", .int(bytes + 4_000_000))
        let payload = [UInt8](repeating: 3, count: 5_000)
        let jobs = try (0..<2_000).map { try newJob(Int64($0), shard: $0 % Adder.shards, payload: payload) }
        let answers = try queue.add(jobs)
        let refused = zip(jobs, answers).filter { $0.1 == .full }.map(\.0)
        #expect(refused.count > 500 && answers.count { $0 == .added } == 2_000 - refused.count)
        let works = try Works.start(redis: redis, lanes: 2) { _, jobs, _ in
            jobs.map { job in
                let number = Int64(job.id.text) ?? 0
                if number % 30 == 1, job.failures == 0 { return .retry(JobCause("first"), error: "again") }
                return number % 30 == 2 ? .dead(JobCause("never"), error: "no") : .done
            }
        }
        works.consumer.setShards(Self.all)
        #expect(try await eventually { try isEmpty(works) })
        #expect(try queue.add(refused).contains(.added))
        try raw.command("CONFIG", "SET", "maxmemory", "0")
        _ = try queue.add(refused)
        #expect(try await eventually { try isEmpty(works) })
        let dead = Set(works.sink.letters.map(\.id.text))
        #expect((0..<Int64(2_000)).allSatisfy { works.ledger.count($0) > 0 || dead.contains(String($0)) })
        #expect(try await works.stop())
    }

    @Test(
        "Redis that refuses writes for a while is told again and again what became of jobs; it costs no crash and loses nothing")
    func refusesWrites() async throws {
        let redis = try await PrivateRedis.start()
        let works = try Works.start(redis: redis) { _, jobs, gate in
            _ = gate.wait()
            return jobs.map { Int64($0.id.text) == 3 && $0.failures == 0 ? .retry(JobCause("first"), error: "") : .done }
        }
        let queue = try works.queue()
        _ = try queue.add((0..<5).map { try newJob($0) })
        works.consumer.setShards(owned(1))
        #expect(try await eventually { works.gate.waiting == 1 })
        try redis.connect().command("CONFIG", "SET", "min-replicas-to-write", "1")
        #expect(throws: RedisError.self) { try queue.done(try queue.take(owned(1), .upTo(1)).jobs) }
        works.gate.open()
        #expect(try await eventually { works.consumer.counters.snapshot.redisFailures > 2 })
        try redis.connect().command("CONFIG", "SET", "min-replicas-to-write", "0")
        #expect(try await eventually { works.ledger.distinct == 5 })
        #expect(try await eventually { works.consumer.counters.snapshot.done == 5 })
        let counts = works.consumer.counters.snapshot
        #expect(counts.lost == 0 && counts.crashed == 0 && counts.retried == 1)
        #expect(try works.stats(1).allSatisfy { $0.waiting + $0.pending + $0.known == 0 })
        #expect(try await works.stop())
    }

    @Test("a consumer that is there before Redis begins when Redis comes")
    func late() async throws {
        let redis = try await PrivateRedis.start()
        try await redis.stop()
        let works = try Works.start(redis: redis, lanes: 2)
        works.consumer.setShards(Self.all)
        #expect(try await eventually { works.has { if case .redisFailed = $0 { true } else { false } } })
        try await redis.restart()
        try await Adder(redis: redis).add(Array(0..<100))
        #expect(try await eventually { works.ledger.distinct == 100 })
        #expect(try await works.stop())
    }

    @Test("while the handler's database or the sink is away nothing fails and nothing is lost")
    func databaseAway() async throws {
        let redis = try await PrivateRedis.start()
        let isAway = Mutex(true)
        let sink = MemorySink()
        sink.refuse(times: 4)
        var policy = JobPolicy.quick
        policy.failuresMax = 0
        let works = try Works.start(redis: redis, policy: policy, lanes: 2, sink: sink) { _, jobs, _ in
            if isAway.withLock({ $0 }) { throw HandlerUnavailable("no database") }
            return jobs.map { (Int64($0.id.text) ?? 0) % 10 == 3 ? .retry(JobCause("bad"), error: "") : .done }
        }
        try await Adder(redis: redis).add(Array(0..<500))
        works.consumer.setShards(Self.all)
        #expect(try await eventually { works.consumer.counters.snapshot.calls > 6 })
        #expect(works.ledger.distinct == 0 && works.has { if case .handlerUnavailable = $0 { true } else { false } })
        isAway.withLock { $0 = false }
        #expect(try await eventually { works.ledger.distinct == 450 && Set(sink.letters.map(\.id)).count == 50 })
        #expect(try await eventually { try isEmpty(works) })
        #expect(sink.letters.allSatisfy { $0.failures == 1 && $0.crashes == 0 })
        #expect(works.has { if case .sinkFailed = $0 { true } else { false } })
        #expect(try await works.stop())
    }

    @Test("a dead letter that can not be kept anywhere holds up no other job, and is kept once it can be")
    func sinkAway() async throws {
        let redis = try await PrivateRedis.start()
        let sink = MemorySink()
        sink.refuse(times: .max)
        var policy = JobPolicy.quick
        policy.crashesMax = 1
        // Twice in the hand of somebody who is gone: one crash too many here, and a suspect that is taken alone.
        let owned = OwnedShard(ShardID(1), Epoch(1))
        let lost = JobQueue(.commission, on: try redis.connect())
        _ = try lost.add([newJob(1_000)])
        #expect(try lost.take([owned], .upTo(1)).jobs.count == 1)
        #expect(try lost.takeOver([owned], Takeover(living: [], idleMilliseconds: 0)).taken == 1)
        #expect(try lost.take([owned], .upTo(1)).jobs.map(\.crashes) == [1])
        let works = try Works.start(redis: redis, policy: policy, sink: sink)
        works.consumer.setShards([owned])
        #expect(try await eventually { works.has { if case .sinkFailed = $0 { true } else { false } } })
        for number in 0..<Int64(100) {
            _ = try lost.add([newJob(number)])
            #expect(try await eventually { works.ledger.distinct == number + 1 })
        }
        // Asked now and then, not with every job.
        #expect(Int.max - sink.refusals < 50)
        #expect(sink.letters.isEmpty)
        sink.refuse(times: 0)
        #expect(try await eventually { sink.letters.map(\.id.text) == ["1000"] })
        #expect(try await eventually { try isEmpty(works) })
        #expect(try await works.stop())
    }
}
