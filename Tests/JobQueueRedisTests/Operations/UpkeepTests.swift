import Core
import JobQueue
import RedisClient
import TestServers
import Testing

@Suite struct UpkeepTests {
    private static let shard = ShardID(1)

    @Test("a lost consumer's jobs go at once, a living one's stay, any other's go after the time; each has one more crash")
    func takeOver() async throws {
        let redis = try await PrivateRedis.start()
        let queues = try (0..<4).map { _ in JobQueue(.commission, on: try redis.connect()) }
        _ = try queues[0].add((0..<8).map { try newJob($0) })
        for queue in queues[1...] { _ = try queue.take(owned(1), .upTo(2)) }
        let (living, lost, other) = (queues[1].consumer, queues[2].consumer, queues[3].consumer)
        let takeover = Takeover(living: [living], lost: [lost], idleMilliseconds: 1_000_000)
        #expect(try queues[0].takeOver(owned(1), takeover) == TakeoverAnswer(taken: 2, dropped: 0, stale: []))
        let taken = try queues[0].take(owned(1), .upTo(10)).jobs
        #expect(taken.ids == ["6", "7", "2", "3"] && taken.map(\.crashes) == [0, 0, 1, 1])
        #expect(try queues[0].stats([Self.shard])[0].known == 2)
        #expect(try queues[0].takeOver(owned(1), Takeover(living: [living, queues[0].consumer], idleMilliseconds: 0)).taken == 2)
        #expect(try queues[0].inspect(.inHand, of: Self.shard, count: 100).filter { $0.place.isInHand(of: living) }.count == 2)
        #expect(try queues[0].inspect(.inHand, of: Self.shard, count: 100).filter { $0.place.isInHand(of: other) }.isEmpty)
    }

    @Test("a takeover drops what is pending without a job, and does not count a crash of what is malformed")
    func takeOverGarbage() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let raw = try redis.connect()
        _ = try queue.add([newJob(1)])
        try raw.command("XADD", "{fature:commission:001}:s", "*", "who", "knows")
        let taken = try queue.take(owned(1), .upTo(10))
        let entry = try #require(taken.jobs.first?.entry)
        try raw.command("XDEL", "{fature:commission:001}:s", .text("\(entry)"))
        let answer = try queue.takeOver(owned(1), Takeover(living: [], idleMilliseconds: 0))
        #expect(answer == TakeoverAnswer(taken: 1, dropped: 1, stale: []))
        #expect(try queue.take(owned(1), .upTo(10, released: .any)).malformed.map(\.entry) == taken.malformed.map(\.entry))
    }

    @Test("a renewed job is not idle")
    func renew() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add([newJob(1)])
        let job = try #require(try queue.take(owned(1), .upTo(1)).jobs.first)
        let entry = try #require(job.entry)
        // So long idle, by Redis' own clock, that only the renewal can be why it stays.
        #expect(
            try await eventually {
                let look = JobQueue(.commission, on: try redis.connect())
                guard case .inHand(_, let idle)? = try look.inspect(.inHand, of: Self.shard, count: 1).first?.place else {
                    return false
                }
                return idle > 300
            })
        #expect(try queue.renew([(job.shard, entry)], of: queue.consumer) == [true])
        guard case .inHand(_, let idle)? = try queue.inspect(.inHand, of: Self.shard, count: 1).first?.place else {
            throw TestServerError("it is not in hand")
        }
        #expect(idle < 300)
        #expect(try queue.takeOver(owned(1), Takeover(living: [], idleMilliseconds: 0)).taken == 1)
    }

    @Test("consumers with nothing in hand are forgotten, others never")
    func forget() async throws {
        let redis = try await PrivateRedis.start()
        let queues = try (0..<3).map { _ in JobQueue(.commission, on: try redis.connect()) }
        _ = try queues[0].add((0..<3).map { try newJob($0) })
        let jobs = try queues.map { try #require(try $0.take(owned(1), .upTo(1)).jobs.first) }
        #expect(try queues[0].removeConsumer(queues[1].consumer, from: [Self.shard, ShardID(2)]) == 0)
        try queues[1].done([jobs[1]])
        try queues[2].release([jobs[2]])
        #expect(try queues[0].forgetConsumers([Self.shard], idleMilliseconds: 1_000_000, keeping: []) == 0)
        #expect(try queues[0].forgetConsumers([Self.shard], idleMilliseconds: 0, keeping: [queues[2].consumer]) == 1)
        #expect(try queues[0].removeConsumer(queues[2].consumer, from: [Self.shard]) == 1)
        #expect(try queues[0].forgetConsumers([Self.shard], idleMilliseconds: 0, keeping: []) == 0)
        #expect(try queues[0].stats([Self.shard])[0].pending == 1 && queues[0].stats([Self.shard])[0].waiting == 1)
    }

    @Test("a sweep adds what is not known, and leaves alone what is delayed or was tried")
    func sweep() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add([newJob(1)])
        let job = try #require(try queue.take(owned(1), .upTo(1)).jobs.first)
        var random = SystemRandomNumberGenerator()
        _ = try queue.retry(
            [FailedJob(job, cause: .timedOut, error: "")], epochs: [Self.shard: Epoch(1)], policy: JobPolicy(), using: &random)
        let swept = try queue.sweepAdd((0..<1_200).map { try newJob($0) })
        #expect(swept == (0..<1_200).map { $0 == 1 ? nil : .added })
        _ = try queue.promoteDue([Self.shard], aheadMilliseconds: 1_000_000)
        #expect(try queue.sweepAdd([newJob(1)]) == [nil])
        #expect(try queue.take(owned(1), .upTo(2_000)).jobs.ids == (0..<1_200).filter { $0 != 1 }.map(String.init) + ["1"])
    }

    @Test("without memory to spare nothing is added, and everything else goes on")
    func full() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let queue = JobQueue(.commission, on: try redis.connect())
        #expect(try queue.add((0..<100).map { try newJob($0) }).allSatisfy { $0 == .added })
        let early = try queue.take(owned(1), .upTo(20)).jobs
        try raw.command("CONFIG", "SET", "maxmemory", "1mb")
        #expect(try queue.add((100..<103).map { try newJob($0) }) == [.full, .full, .full])
        #expect(try queue.sweepAdd([newJob(200)]) == [.full])
        try queue.pause([Self.shard], reason: "full")
        #expect(try queue.take(owned(1), .upTo(20)).paused == [Self.shard])
        try queue.resume([Self.shard])
        let jobs = try queue.take(owned(1, 2), .upTo(40)).jobs
        #expect(jobs.count == 40)
        #expect(try queue.release(Array(early[..<5])) == [true, true, true, true, true])
        var random = SystemRandomNumberGenerator()
        let failed = jobs[..<10].map { FailedJob($0, cause: .timedOut, error: "slow") }
        let answers = try queue.retry(failed, epochs: [Self.shard: Epoch(1)], policy: .quick, using: &random)
        #expect(answers.allSatisfy { if case .delayed = $0 { true } else { false } })
        #expect(try queue.promoteDue([Self.shard], aheadMilliseconds: 100_000) == 10)
        let letters = jobs[10..<20].map {
            DeadLetter($0, entry: $0.entry ?? EntryID(milliseconds: 0, sequence: 0), cause: .crashed, error: "", failures: 0)
        }
        #expect(try queue.bury(letters).isBuried.allSatisfy { $0 })
        #expect(try queue.done(Array(jobs[20...])) == 20)
        #expect(try queue.takeOver(owned(1), Takeover(living: [], idleMilliseconds: 0)).taken == 15)
        #expect(try queue.markEpoch(OwnedShard(Self.shard, Epoch(1))) == .raised)
        let stats = try queue.stats([Self.shard])[0]
        #expect(stats.waiting == 70 && stats.dead == 10 && stats.known == 25 && stats.pending == 0)
        #expect(try queue.replay([], of: Self.shard).isEmpty)
        try raw.command("CONFIG", "SET", "maxmemory", "0")
        #expect(try queue.add([newJob(100)]) == [.added])
    }
}

extension JobPlace {
    func isInHand(of name: ConsumerName) -> Bool {
        if case .inHand(let consumer, _) = self { consumer == name.text } else { false }
    }
}
