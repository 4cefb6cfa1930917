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

    @Test("what nobody has in hand and nobody would be given is released, and comes before all others; what is in hand stays")
    func recoverStrays() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let raw = try redis.connect()
        let stream: RedisArgument = "{fature:commission:001}:s"
        #expect(try queue.recoverStrays([Self.shard]) == 0)
        _ = try queue.add((0..<3).map { try newJob($0) })
        #expect(try queue.recoverStrays([Self.shard]) == 0)
        try raw.command("XADD", stream, "*", "who", "knows")
        _ = try queue.add((4..<8).map { try newJob($0) })
        let taken = try queue.take(owned(1), .upTo(6))
        let entries = try taken.jobs.map { try #require($0.entry) }
        #expect(try queue.recoverStrays([Self.shard]) == 0)
        // 0, 1, 2, what is no job, and 5 are acknowledged by hand; 4 stays in hand, 6 and 7 wait.
        for entry in entries[0..<3] + entries[4...] + taken.malformed.map(\.entry) {
            try raw.command("XACK", stream, "workers", .text("\(entry)"))
        }
        #expect(try queue.recoverStrays([Self.shard], countPerShard: 2) == 2)
        #expect(try queue.recoverStrays([Self.shard]) == 2)
        #expect(try queue.recoverStrays([Self.shard]) == 0)
        let again = try queue.take(owned(1), .upTo(4, released: .any))
        #expect(again.jobs.ids == ["0", "1", "2"] && again.jobs.allSatisfy { $0.failures + $0.crashes == 0 })
        #expect(again.malformed.map(\.entry) == taken.malformed.map(\.entry))
        #expect(try queue.done(again.jobs) == 3)
        #expect(try queue.bury(again.malformed.map { DeadLetter($0, kind: .commission) }).isBuried == [true])
        #expect(try queue.recoverStrays([Self.shard]) == 0)
        #expect(try queue.done([taken.jobs[3]]) == 1)
        // Nothing is pending now, and 6 and 7 were never given.
        #expect(try queue.recoverStrays([Self.shard]) == 1)
        #expect(try queue.inspect(.inHand, of: Self.shard, count: 10).isEmpty)
        #expect(try queue.take(owned(1), .upTo(1, released: .any)).jobs.ids == ["5"])
        #expect(try queue.take(owned(1), .upTo(10)).jobs.ids == ["6", "7"])
    }

    @Test("what the group has not read is no stray, though it is before something in hand")
    func recoverWhatIsSetBack() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let raw = try redis.connect()
        _ = try queue.add((0..<3).map { try newJob($0) })
        let jobs = try queue.take(owned(1), .upTo(3)).jobs
        for job in jobs[..<2] {
            try raw.command("XACK", "{fature:commission:001}:s", "workers", .text("\(try #require(job.entry))"))
        }
        try raw.command("XGROUP", "SETID", "{fature:commission:001}:s", "workers", "0")
        #expect(try queue.recoverStrays([Self.shard]) == 0)
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

    @Test(
        "a sweep adds a job of which only the record is left, with its counts; one that is in the stream or delayed it leaves alone"
    )
    func sweepOfRecords() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let queue = JobQueue(.commission, on: try redis.connect())
        let stream: RedisArgument = "{fature:commission:001}:s"
        _ = try queue.add((0..<6).map { try newJob($0) })
        var random = SystemRandomNumberGenerator()
        let failed = try queue.take(owned(1), .upTo(6)).jobs.map { FailedJob($0, cause: .timedOut, error: "") }
        _ = try queue.retry(failed, epochs: [Self.shard: Epoch(1)], policy: .quick, using: &random)
        let late = try raw.command("ZADD", "{fature:commission:001}:z", "XX", "CH", "1e15", "5")
        #expect(late == .integer(1))
        #expect(try queue.promoteDue([Self.shard], aheadMilliseconds: 100_000) == 5)
        // 0 waits, 1 is in hand, 2 released, 3 acknowledged by hand, 4 deleted by hand, 5 delayed; 6 has a record that is none.
        let jobs = try queue.take(owned(1), .upTo(5)).jobs
        let entries = try Dictionary(uniqueKeysWithValues: jobs.map { ($0.id.text, try #require($0.entry)) })
        func text(_ id: String) throws -> RedisArgument { .text("\(try #require(entries[id]))") }
        #expect(try queue.release(jobs.filter { ["0", "2"].contains($0.id.text) }) == [true, true])
        try raw.command("XACK", stream, "workers", try text("3"))
        try raw.command("XDEL", stream, try text("4"))
        try raw.command("HSET", "{fature:commission:001}:f", "6", "what is it")
        let swept = try queue.sweepAdd((0..<7).map { try newJob($0) } + [newJob(3)])
        #expect(swept == [nil, nil, nil, .added, .added, nil, .added, nil])
        let added = try queue.take(owned(1), .upTo(10)).jobs
        #expect(added.ids == ["3", "4", "6"] && added.map(\.failures) == [1, 1, 0])
        #expect(try queue.done(added) == 3)
        #expect(try queue.done(jobs) == 3)
        #expect(try raw.command("HKEYS", "{fature:commission:001}:f").arrayValue().map { try $0.text() } == ["5"])
    }

    @Test("a marker is set back only by who says what it is, and what is no number is no marker")
    func markers() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let queue = JobQueue(.commission, on: try redis.connect())
        let one = OwnedShard(Self.shard, Epoch(3))
        _ = try queue.markEpoch(OwnedShard(Self.shard, Epoch(900)))
        #expect(try queue.resetEpochs([(one, Epoch(899))]).isEmpty)
        #expect(try queue.take([one], .upTo(1)).stale == [Self.shard])
        #expect(try queue.resetEpochs([(one, Epoch(900))]) == [one])
        #expect(try queue.take([one], .upTo(1)).stale.isEmpty)
        #expect(try queue.resetEpochs([(one, Epoch(900))]).isEmpty)
        for number in 0..<4 {
            try raw.command("DEL", "{fature:commission:001}:epoch")
            switch number {
            case 0: try raw.command("SET", "{fature:commission:001}:epoch", "99999999999999999999")
            case 1: try raw.command("SET", "{fature:commission:001}:epoch", "1e300")
            case 2: try raw.command("LPUSH", "{fature:commission:001}:epoch", "900")
            default: try raw.command("SET", "{fature:commission:001}:epoch", "who knows")
            }
            #expect(try queue.stats([Self.shard])[0].epoch == nil)
            #expect(try queue.take([one], .upTo(1)).wiped == [Self.shard])
            #expect(try queue.takeOver([one], Takeover(living: [], idleMilliseconds: 0)).stale.isEmpty)
            #expect(try queue.raiseEpochs([one]) == [.missing])
            #expect(try queue.markEpoch(one) == .raised)
            #expect(try queue.stats([Self.shard])[0].epoch == Epoch(3))
        }
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
        try raw.command("CONFIG", "SET", "maxmemory", "0")
        #expect(try queue.add([newJob(100)]) == [.added])
    }
}

extension JobPlace {
    func isInHand(of name: ConsumerName) -> Bool {
        if case .inHand(let consumer, _) = self { consumer == name.text } else { false }
    }
}
