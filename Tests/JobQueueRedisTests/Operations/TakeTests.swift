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

    @Test("a take gives what it may: so many jobs in all and of a shard, no shard left out, in each shard the first ones")
    func limits() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<100).map { try newJob($0, shard: 1) } + (100..<103).map { try newJob($0, shard: 2) })
        var limits = TakeLimits(perShardMax: 20, jobsMax: 50)
        #expect(
            try queue.take(owned(0, 1, 2), limits).jobs.ids.sorted { Int($0) ?? 0 < Int($1) ?? 0 } == (0..<20).map(String.init)
                + ["100", "101", "102"])
        limits.perShardMax = 1_000
        #expect(try queue.take(owned(0, 1, 2), limits).jobs.ids == (20..<70).map(String.init))
        limits.jobsMax = 1
        _ = try queue.add([newJob(200, shard: 9)])
        // One job and many shards: only so many streams are read as jobs may come.
        #expect(try queue.take(owned(3, 4, 5, 9, 1), limits).jobs.ids == ["200"])
        #expect(try queue.take(owned(1, 9), limits).jobs.ids == ["70"])
    }

    @Test("large records end a take before they fill the answer")
    func byteBudget() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        let payload = [UInt8](repeating: 7, count: JobRecord.payloadBytesMax)
        #expect(try queue.add((0..<400).map { try newJob($0, payload: payload) }).allSatisfy { $0 == .added })
        let taken = try queue.take(owned(1), .upTo(1_000))
        #expect((100..<400).contains(taken.jobs.count))
        #expect(taken.jobs.allSatisfy { $0.payload.elementsEqual(payload) })
    }

    @Test("a paused shard and one with a later owner are not taken from, and are named; a shard with an older marker is")
    func pausedAndStale() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add((0..<6).map { try newJob($0, shard: Int($0)) })
        try queue.pause([ShardID(0), ShardID(1)], reason: "looking into it")
        #expect(try queue.markEpoch(OwnedShard(ShardID(2), Epoch(9))) == .raised)
        #expect(try queue.markEpoch(OwnedShard(ShardID(3), Epoch(4))) == .raised)
        #expect(try queue.markEpoch(OwnedShard(ShardID(4), Epoch(5))) == .raised)
        var limits = TakeLimits.upTo(10)
        limits.blockMilliseconds = 10
        let taken = try queue.take(owned(0, 1, 2, 3, 4, 5, epoch: 5), limits)
        #expect(taken.jobs.ids == ["3", "4", "5"])
        #expect(taken.paused == [ShardID(0), ShardID(1)] && taken.stale == [ShardID(2)] && taken.wiped == [ShardID(5)])
        #expect(
            try queue.stats([ShardID(0), ShardID(1), ShardID(2)]).map(\.pause) == ["looking into it", "looking into it", nil])
        try queue.resume([ShardID(1)])
        #expect(try queue.take(owned(0, 1), limits).jobs.ids == ["1"])
    }

    @Test("a take that waits gives the job that comes, and whatever has come with it")
    func waits() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.take(owned(1, 2), .upTo(1))
        let url = redis.url
        let adder = Task {
            try await ScratchServer.blocking {
                let other = JobQueue(.commission, on: try RedisConnection(try RedisConfiguration(url: url)))
                // Added while the other side waits, or before it does: both must do.
                while try other.connection.command("INFO", "clients").text().contains("blocked_clients:0") {}
                _ = try other.add((0..<50).map { try newJob($0, shard: 2) })
            }
        }
        let ids = try await ScratchServer.blocking {
            let waiting = JobQueue(.commission, on: try RedisConnection(try RedisConfiguration(url: url)))
            var limits = TakeLimits.upTo(100)
            limits.blockMilliseconds = 20_000
            return try waiting.take(owned(1, 2), limits).jobs.ids
        }
        _ = try await adder.value
        let rest = try queue.take(owned(1, 2), .upTo(100)).jobs.ids
        #expect(ids.first == "0" && ids + rest == (0..<50).map(String.init))
    }

    @Test(
        "a job that comes to a shard that was paused, or got a later owner, while a take waits is released at once",
        arguments: [true, false])
    func waitsAndIsRefused(isPause: Bool) async throws {
        let redis = try await PrivateRedis.start()
        let url = redis.url
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.take(owned(1), .upTo(1))
        let task = Task {
            try await ScratchServer.blocking {
                let waiting = JobQueue(.commission, on: try RedisConnection(try RedisConfiguration(url: url)))
                var limits = TakeLimits.upTo(100)
                limits.blockMilliseconds = 20_000
                let taken = try waiting.take(owned(1, epoch: 3), limits)
                return (taken.jobs.ids, taken.paused, taken.stale)
            }
        }
        #expect(try await eventually { !(try redis.connect().command("INFO", "clients").text().contains("blocked_clients:0")) })
        if isPause {
            try queue.pause([ShardID(1)], reason: "")
        } else {
            _ = try queue.markEpoch(OwnedShard(ShardID(1), Epoch(4)))
        }
        _ = try queue.add([newJob(1)])
        let (ids, paused, stale) = try await task.value
        #expect(ids.isEmpty && paused == (isPause ? [ShardID(1)] : []) && stale == (isPause ? [] : [ShardID(1)]))
        let stats = try queue.stats([ShardID(1)])[0]
        #expect(stats.waiting == 1 && stats.pending == 0)
        try queue.resume([ShardID(1)])
        #expect(try queue.take(owned(1, epoch: 4), .upTo(10, released: .any)).jobs.ids == ["1"])
    }

    @Test("what is no job of ours comes as malformed, however it is wrong, and the good ones beside it come as jobs")
    func malformed() async throws {
        let redis = try await PrivateRedis.start()
        let raw = try redis.connect()
        let queue = JobQueue(.commission, on: try redis.connect())
        let key: RedisArgument = "{fature:commission:001}:s"
        _ = try queue.add([newJob(1)])
        let entries: [[RedisArgument]] = [
            ["j", ""], ["x", "1"], ["j", "hello"], ["j", .bytes([UInt8](repeating: 1, count: 16))], ["a", "b", "c", "d"],
            ["j", .bytes([UInt8](repeating: 1, count: 3_000_000))], ["j", "1", "j", "2"],
        ]
        for entry in entries { try raw.command(["XADD", key, "*"] + entry) }
        _ = try queue.add([newJob(2)])
        var limits = TakeLimits.upTo(100)
        limits.blockMilliseconds = 1
        let taken = try queue.take(owned(1), limits)
        #expect(taken.jobs.ids == ["1", "2"])
        #expect(taken.malformed.count == entries.count && taken.malformed.allSatisfy { $0.bytes.count <= 1_024 })
        let letters = taken.malformed.map { DeadLetter($0, kind: .commission) }
        #expect(try queue.bury(letters).isBuried == letters.map { _ in true })
        let dead = try queue.inspect(.dead, of: ShardID(1), count: 100)
        #expect(dead.count == entries.count && dead.allSatisfy { $0.job?.lastCause == .malformed })
        #expect(Set(dead.compactMap { $0.job?.id }).count == entries.count)
        #expect(try queue.done(taken.jobs) == 2)
        #expect(try queue.stats([ShardID(1)])[0].waiting == 0)
    }

    @Test("a stream's key that holds something else is named, and does no harm to other shards")
    func broken() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        try redis.connect().command("SET", "{fature:commission:001}:s", "mine")
        _ = try queue.add([newJob(2, shard: 2)])
        let refusal = try queue.add([newJob(1, shard: 1)])[0]
        guard case .refused(let why) = refusal else { throw TestServerError("it was \(refusal)") }
        #expect(why.hasPrefix("WRONGTYPE"))
        var limits = TakeLimits.upTo(10)
        limits.blockMilliseconds = 1
        let taken = try queue.take(owned(1, 2), limits)
        #expect(taken.broken == [ShardID(1)] && taken.jobs.ids == ["2"])
        #expect(try queue.stats([ShardID(1)])[0].waiting == 0)
    }

    @Test("after a wipe groups come back, and nothing that was added since is left out")
    func wipe() async throws {
        let redis = try await PrivateRedis.start()
        let queue = JobQueue(.commission, on: try redis.connect())
        _ = try queue.add([newJob(1)])
        _ = try queue.markEpoch(OwnedShard(ShardID(1), Epoch(1)))
        #expect(try queue.take(owned(1), .upTo(10)).wiped.isEmpty)
        try redis.connect().command("FLUSHALL")
        _ = try queue.add((0..<5).map { try newJob($0) })
        let taken = try queue.take(owned(1, 2), .upTo(10))
        #expect(taken.wiped == [ShardID(1), ShardID(2)] && taken.jobs.ids == ["0", "1", "2", "3", "4"])
        #expect(try queue.raiseEpochs(owned(1, 2)) == [.missing, .missing])
        #expect(try queue.markEpoch(OwnedShard(ShardID(1), Epoch(2))) == .raised)
        #expect(try queue.raiseEpochs(owned(1)) == [.stale(Epoch(2))])
        #expect(try queue.raiseEpochs(owned(1, epoch: 2)) == [.unchanged])
        #expect(try queue.raiseEpochs(owned(1, epoch: 3)) == [.raised])
    }
}
