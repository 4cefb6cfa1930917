import Core
import JobQueue
import Logging
import PostgresClient
import RedisClient
import Store
import Synchronization
import TestServers
import Testing

@testable import Worker

@Suite struct SweeperTests {
    /// A sweeper that sweeps when it is told to.
    private final class Desk: Sendable {
        let ledger: LedgerDatabase
        let redis: PrivateRedis
        let owned = OwnedShards()
        let sweeper: Sweeper
        private let told: InOrder

        final class InOrder: Sendable {
            private let shards = Mutex<[OwnedShard]>([])
            func set(_ owned: [OwnedShard]) { shards.withLock { $0 = owned } }
            var last: [OwnedShard] { shards.withLock { $0 } }
        }

        init(_ ledger: LedgerDatabase, _ redis: PrivateRedis) throws {
            self.ledger = ledger
            self.redis = redis
            let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
            let configuration = try RedisConfiguration(url: redis.url)
            let told = InOrder()
            self.told = told
            sweeper = Sweeper(
                postgres: try ledger.database.configuration(), redis: configuration, owned: owned,
                feed: JobFeed(redis: configuration, logger: logger), worker: "tests", count: { _ in },
                setInOrder: { told.set($0) }, logger: logger)
        }

        static func open() async throws -> Desk { try Desk(try await LedgerDatabase.create(), try await PrivateRedis.start()) }

        var inOrder: [OwnedShard] { told.last.sorted { $0.shard < $1.shard } }

        func sweep() async throws { try await ScratchServer.blocking { try self.sweeper.sweep() } }

        func queue() throws -> JobQueue { JobQueue(.commission, on: try redis.connect()) }

        func stats(_ shards: Int...) throws -> [QueueStats] { try queue().stats(shards.map { ShardID($0) }) }

        /// How often Redis was asked to add jobs since its start.
        func calls(_ command: String) throws -> Int {
            let lines = try redis.connect().command("INFO", "commandstats").text().split(separator: "\r\n")
            let line = lines.first { $0.hasPrefix("cmdstat_\(command):calls=") }
            return line.flatMap { Int($0.split(separator: "=")[1].prefix { $0.isNumber }) } ?? 0
        }
    }

    private static func owned(_ shards: Int...) -> [OwnedShard] { shards.map { OwnedShard(ShardID($0), LedgerDatabase.epoch) } }

    @Test("a marker above PostgreSQL's epoch is set back by the owner, and the consumer is told; its jobs are there")
    func markerAbove() async throws {
        let desk = try await Desk.open()
        desk.owned.set(LedgerDatabase.ownership(1, 2, 3))
        let queue = try desk.queue()
        _ = try queue.markEpoch(OwnedShard(ShardID(1), Epoch(900)))
        _ = try queue.markEpoch(OwnedShard(ShardID(2), Epoch(4)))
        try desk.ledger.addWaiting(10, shard: 1)
        try await desk.sweep()
        #expect(try desk.stats(1, 2, 3).map(\.epoch) == [LedgerDatabase.epoch, LedgerDatabase.epoch, LedgerDatabase.epoch])
        #expect(desk.inOrder == Self.owned(1, 2, 3))
        #expect(try desk.stats(1)[0].waiting == 10)
    }

    @Test("an older owner sets no marker back, whatever it believes; nor does one whose shard has another owner at its epoch")
    func olderOwner() async throws {
        let desk = try await Desk.open()
        desk.owned.set(LedgerDatabase.ownership(1, 2, 3))
        let queue = try desk.queue()
        // 1 has gone elsewhere, 2 has come back to us at a later epoch of which we do not know yet, 3 is ours.
        _ = try desk.ledger.connect().execute("UPDATE fature_v2.shard SET owner = 2, epoch = 6 WHERE id = 1")
        _ = try desk.ledger.connect().execute("UPDATE fature_v2.shard SET epoch = 7 WHERE id = 2")
        for (shard, epoch) in [(1, 6), (2, 7), (3, 900)] {
            _ = try queue.markEpoch(OwnedShard(ShardID(shard), Epoch(Int64(epoch))))
        }
        for _ in 0..<3 { try await desk.sweep() }
        #expect(try desk.stats(1, 2, 3).map(\.epoch) == [Epoch(6), Epoch(7), LedgerDatabase.epoch])
        #expect(desk.inOrder == Self.owned(3))
        _ = try desk.ledger.connect().execute("UPDATE fature_v2.shard SET owner = 2, epoch = 5 WHERE id = 3")
        _ = try queue.markEpoch(OwnedShard(ShardID(3), Epoch(901)))
        try await desk.sweep()
        #expect(try desk.stats(3)[0].epoch == Epoch(901) && desk.inOrder.isEmpty)
    }

    @Test("a shard whose key another program has taken stops no other shard's sweep, and is counted")
    func foreignKey() async throws {
        let desk = try await Desk.open()
        desk.owned.set(LedgerDatabase.ownership(1, 2, 3))
        let raw = try desk.redis.connect()
        try raw.command("SET", "{fature:commission:001}:s", "mine")
        try raw.command("LPUSH", "{fature:commission:002}:epoch", "mine")
        for shard in 1...3 { try desk.ledger.addWaiting(10, shard: shard) }
        try await desk.sweep()
        #expect(try desk.stats(1, 2, 3).map(\.waiting) == [0, 10, 10])
        #expect(try desk.stats(1, 2, 3).map(\.epoch) == [nil, LedgerDatabase.epoch, LedgerDatabase.epoch])
        let figures = try QueueFigures.read(ageMillisecondsMax: 60_000, on: try desk.ledger.connect())
        #expect(figures.map(\.broken) == [1] && figures.map(\.shards) == [3])
        try raw.command("DEL", "{fature:commission:001}:s")
        try await desk.sweep()
        #expect(try desk.stats(1, 2, 3).map(\.waiting) == [10, 10, 10])
        #expect(try desk.stats(1)[0].epoch == LedgerDatabase.epoch)
    }

    @Test(
        "a sweep ends at the first job that Redis has no room for, marks nothing as filled, and does not send all of it again at once"
    )
    func full() async throws {
        let desk = try await Desk.open()
        desk.owned.set(LedgerDatabase.ownership(1, 2, 3, 4))
        for shard in 1...4 { try desk.ledger.addWaiting(600, shard: shard) }
        let raw = try desk.redis.connect()
        try raw.command("CONFIG", "SET", "maxmemory", "1")
        try raw.command("CONFIG", "RESETSTAT")
        for _ in 0..<5 { try await desk.sweep() }
        let rejected = try raw.command("INFO", "commandstats").text().split(separator: "\r\n").reduce(0) { sum, line in
            guard line.contains("evalsha") || line.contains("eval:"), let at = line.range(of: "rejected_calls=") else {
                return sum
            }
            return sum + (Int(line[at.upperBound...].prefix { $0.isNumber }) ?? 0)
        }
        // Of 2,400 jobs the first 1,000: 600 of one shard and 400 of another, 500 a script at most.
        #expect(rejected <= 4, "\(rejected)")
        #expect(try desk.stats(1, 2, 3, 4).allSatisfy { $0.epoch == nil && $0.waiting == 0 })
        try raw.command("CONFIG", "SET", "maxmemory", "0")
        let watch = Monitor(())
        try await ScratchServer.blocking {
            for _ in 0..<600 {
                try desk.sweeper.sweep()
                if try desk.stats(1, 2, 3, 4).allSatisfy({ $0.waiting == 600 }) { return }
                // Nobody tells us; looking again is all there is.
                _ = watch.wait(until: .after(milliseconds: 50)) { _ -> Bool? in nil }
            }
        }
        #expect(try desk.stats(1, 2, 3, 4).map(\.waiting) == [600, 600, 600, 600])
        try await desk.sweep()
        #expect(try desk.stats(1, 2, 3, 4).allSatisfy { $0.epoch == LedgerDatabase.epoch && $0.waiting == 600 })
    }

    @Test(
        "a backlog is given page by page while its jobs are done, each once, and no more of it than is enough while they are not")
    func backlog() async throws {
        let desk = try await Desk.open()
        desk.owned.set(LedgerDatabase.ownership(1, 2))
        try desk.ledger.addWaiting(3500, shard: 1)
        try desk.ledger.addWaiting(10, shard: 2)
        let queue = try desk.queue()
        var given: [JobID] = []
        func takeAll(_ count: Int) throws {
            let jobs = try queue.take(
                [OwnedShard(ShardID(1), LedgerDatabase.epoch)], TakeLimits(perShardMax: count, jobsMax: count)
            ).jobs
            given += jobs.map(\.id)
            try queue.done(jobs)
        }
        func refill() async throws { try await ScratchServer.blocking { try desk.sweeper.refill() } }
        try await desk.sweep()
        #expect(try desk.stats(1, 2).map(\.waiting) == [1000, 10])
        #expect(desk.sweeper.unfinished == [ShardID(1)])
        for _ in 0..<3 { try await refill() }
        #expect(try desk.stats(1).map(\.waiting) == [2000] && desk.sweeper.unfinished == [ShardID(1)])
        try takeAll(1500)
        try await refill()
        try takeAll(1000)
        try await refill()
        #expect(try desk.stats(1).map(\.waiting) == [1000] && desk.sweeper.unfinished.isEmpty)
        try takeAll(1000)
        #expect(given.count == 3500 && Set(given).count == 3500)
    }
}
