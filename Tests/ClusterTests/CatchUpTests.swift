import ClusterSupport
import Core
import Frames
import Hierarchy
import Logging
import NIOCore
import NIOPosix
import Ownership
import PostgresClient
import Store
import TestServers
import Testing

@testable import Worker

extension ClusterTests {
    /// A worker's shards without its process: what others commit, followed in batches of any size.
    @Suite(.serialized) struct CatchUpTests {
        private static let shards = 4

        /// A worker's loop with four shards, and how often it wanted one loaded anew.
        private final class Follower: @unchecked Sendable {
            // @unchecked: confined to the loop's event loop once made.
            let loop: WorkerLoop
            let writer: ShardWriter
            private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            private let pool: PostgresPool
            private let reloads = Held(0)

            init(_ database: TestDatabase, shards: [Int] = Array(0..<CatchUpTests.shards)) throws {
                pool = try PostgresPool(configuration: try database.configuration(), connections: 2, pendingMax: 100)
                loop = WorkerLoop(eventLoop: group.next(), currency: "BRL", logger: Logger(label: "test"))
                let reloads = reloads
                writer = ShardWriter(
                    loop: loop, pools: .init(write: pool, wide: pool, catchUp: pool), instance: WorkerInstanceID(1),
                    logger: Logger(label: "test"),
                    events: .init(
                        lost: { _ in reloads.value += 1 }, followed: { _, _, _ in }, progressed: { _ in }, fenced: { _, _ in }))
                let loaded = try ShardLoad.read(shards.map { ShardID($0) }, on: try database.connect())
                try onLoop {
                    self.loop.writer = self.writer
                    for host in loaded.hosts.value {
                        let seat = self.loop.seat(host.shard)
                        seat.duty = ShardDuty(host.shard, of: WorkerInstanceID(1))
                        _ = seat.duty.topology(owner: WorkerInstanceID(1), epoch: Epoch(1), now: 0)
                        seat.copy = host
                        _ = seat.duty.loaded(at: host.applied, of: seat.duty.generation, now: 0)
                        self.loop.refresh(seat)
                        host.serve(at: Epoch(1))
                    }
                }
            }

            func onLoop<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws -> R {
                try loop.eventLoop.submit(body).wait()
            }

            var reloadCount: Int { get throws { try onLoop { self.reloads.value } } }

            /// Has one shard follow, and returns when it is there.
            func follow(_ shard: ShardID, to sequence: ChangeSequence) throws {
                try onLoop { if let host = self.loop.host(shard) { self.writer.catchUp(host) } }
                try TestCluster.wait("shard \(shard) at change \(sequence)", seconds: 10) {
                    try self.onLoop { (self.loop.host(shard)?.applied ?? 0) >= sequence || self.reloads.value > 0 }
                }
            }

            func stop() async throws {
                await pool.shutdown()
                try await group.shutdownGracefully()
            }
        }

        private struct Standing: Equatable, Sendable {
            var row: AffiliateRow
            var level: Int
            var size: Int
            var directs: Int
        }

        private static func standings(_ partition: Partition, _ ids: [Int64]) -> [Standing?] {
            ids.map { id in
                partition.find(AffiliateID(id)).map {
                    Standing(
                        row: partition.row(of: $0), level: partition.level(of: $0), size: partition.networkSize(of: $0),
                        directs: partition.directReferrals(of: $0))
                }
            }
        }

        private static func fence(_ shard: Int) -> WriteFence {
            WriteFence(shard: ShardID(shard), owner: WorkerInstanceID(1), epoch: Epoch(1))
        }

        @Test(
            "changes of others, followed in batches of any size and order, leave what a fresh load gives",
            arguments: 1...4 as ClosedRange<UInt64>)
        func foreignChanges(seed: UInt64) async throws {
            let database = try await TestDatabase.create()
            let follower = try await TestCluster.blocking {
                let connection = try database.connect()
                try Schema.migrate(connection)
                _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 1")
                let follower = try Follower(database)
                var random = SeededGenerator(seed: seed)
                let origin = ChangeOrigin(actor: "tests", requestID: nil)
                var next: Int64 = 0
                var longest = 0
                for _ in 0..<40 {
                    let batch = Int.random(in: 1...25, using: &random)
                    for _ in 0..<batch {
                        let someone = Int64.random(in: 1...max(1, next), using: &random)
                        let shard = try connection.execute(
                            "SELECT shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = $1", [.int(someone)])
                        let home =
                            shard.rowCount == 0 ? Int.random(in: 0..<Self.shards, using: &random) : Int(try shard.int(0, 0))
                        switch Int.random(in: 0..<(next < 30 ? 1 : 4), using: &random) {
                        case 0:
                            next += 1
                            let isRoot = shard.rowCount == 0 || Int.random(in: 0..<8, using: &random) == 0
                            _ = try HierarchyWrites.join(
                                JoinRequest(
                                    fence: Self.fence(isRoot ? Int.random(in: 0..<Self.shards, using: &random) : home),
                                    parent: isRoot ? nil : AffiliateID(someone), affiliateID: AffiliateID(next),
                                    profile: AffiliateProfile(externalID: "e\(next)", name: "N", registrationMicroseconds: next),
                                    origin: origin), on: connection)
                        case 1:
                            _ = try HierarchyWrites.setStatus(
                                StatusRequest(
                                    fence: Self.fence(home), affiliateID: AffiliateID(someone),
                                    status: AffiliateStatus.allCases.randomElement(using: &random) ?? .active, origin: origin),
                                on: connection)
                        default:
                            let parent =
                                Int.random(in: 0..<6, using: &random) == 0 ? nil : Int64.random(in: 1...next, using: &random)
                            _ = try HierarchyWrites.move(
                                MoveRequest(
                                    fence: Self.fence(home), affiliateID: AffiliateID(someone),
                                    newParent: parent.map { AffiliateID($0) }, reason: "test", origin: origin), on: connection)
                        }
                    }
                    longest = max(longest, batch)
                    // Some shards follow now, others have more to follow later.
                    for shard in 0..<Self.shards where Bool.random(using: &random) {
                        try Self.compare(ShardID(shard), follower, connection)
                    }
                }
                for shard in 0..<Self.shards { try Self.compare(ShardID(shard), follower, connection) }
                #expect(longest > 15)
                #expect(try follower.reloadCount == 0)
                #expect(try HierarchyOracle.problems(connection) == [])
                return follower
            }
            try await follower.stop()
        }

        @Test("joins and moves go on while a large shard's overlay is folded in elsewhere")
        func folds() async throws {
            let database = try await TestDatabase.create()
            let follower = try await TestCluster.blocking {
                let connection = try database.connect()
                try Schema.migrate(connection)
                try TestNetwork.fill(connection, affiliates: 44_000, seed: 9)
                _ = try connection.execute("UPDATE fature_v2.shard SET owner = 1, epoch = 1")
                let largest = Int(
                    try connection.execute("SELECT shard_id FROM fature_v2.shard_sequence ORDER BY affiliates_count DESC LIMIT 1")
                        .int(0, 0))
                let rows = try connection.execute(
                    "SELECT affiliate_id FROM fature_v2.affiliates_optimized WHERE shard_id = $1", [.int(Int64(largest))])
                let ids = try (0..<rows.rowCount).map { AffiliateID(try rows.int($0, 0)) }
                try #require(ids.count > ShardHost.rebuildInPlaceMax)
                let follower = try Follower(database, shards: [largest])
                var random = SeededGenerator(seed: 77)
                let origin = ChangeOrigin(actor: "tests", requestID: nil)
                for number in 0..<1500 {
                    _ = try HierarchyWrites.join(
                        JoinRequest(
                            fence: Self.fence(largest), parent: ids.randomElement(using: &random),
                            profile: AffiliateProfile(externalID: "fold-\(number)", name: "N", registrationMicroseconds: 1),
                            origin: origin), on: connection)
                    if number % 150 == 99, let id = ids.randomElement(using: &random) {
                        _ = try HierarchyWrites.move(
                            MoveRequest(
                                fence: Self.fence(largest), affiliateID: id, newParent: ids.randomElement(using: &random),
                                reason: "test", origin: origin), on: connection)
                    }
                    // Not waited for: the shard follows, folds and rebuilds while the next changes are committed.
                    if number % 10 == 0 {
                        try follower.onLoop {
                            if let host = follower.loop.host(ShardID(largest)) { follower.writer.catchUp(host) }
                        }
                    }
                }
                try Self.compare(ShardID(largest), follower, connection)
                let left = try follower.onLoop { follower.loop.host(ShardID(largest))?.partition.overlayCount ?? -1 }
                #expect((0..<1500).contains(left), "nothing was folded in")
                #expect(try follower.reloadCount == 0)
                return follower
            }
            try await follower.stop()
        }

        private static func compare(_ shard: ShardID, _ follower: Follower, _ connection: PostgresConnection) throws {
            let last = try HierarchyChanges.lastSequences(on: connection)[Int(shard.rawValue)]
            // A pass that begins before what is followed now, or the sums of an earlier one.
            let pass = try follower.onLoop { () -> (snapshot: PartitionSnapshot, number: Int)? in
                guard let host = follower.loop.host(shard), host.needsMeasuring else { return nil }
                return host.beginMeasuring()
            }
            try follower.follow(shard, to: last)
            let rows = try connection.execute(
                "SELECT affiliate_id FROM fature_v2.affiliates_optimized WHERE shard_id = $1 ORDER BY 1",
                [.int(Int64(shard.rawValue))])
            let ids = try (0..<rows.rowCount).map { try rows.int($0, 0) }
            let fresh = try ShardLoad.read([shard], on: connection).hosts.value[0].partition
            let expected = standings(fresh, ids)
            let contents = fresh.snapshot().checksum()
            let checksum = try follower.onLoop { () -> UInt64? in
                guard let host = follower.loop.host(shard) else { return nil }
                if let pass { host.endMeasuring(pass.snapshot.checksum(), number: pass.number) }
                // Changes of places can not be added up.
                if host.needsMeasuring {
                    let again = host.beginMeasuring()
                    host.endMeasuring(again.snapshot.checksum(), number: again.number)
                }
                return host.checksum
            }
            #expect(checksum == contents, "shard \(shard)")
            let (followed, count) = try follower.onLoop { () -> ([Standing?], Int) in
                guard let host = follower.loop.host(shard) else { return ([], -1) }
                return (standings(host.partition, ids), host.partition.affiliateCount)
            }
            #expect(count == ids.count, "shard \(shard)")
            #expect(followed == expected, "shard \(shard)")
        }
    }
}
