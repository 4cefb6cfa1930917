import ClusterSupport
import Core
import Frames
import Ownership
import PostgresClient
import Store
import TestServers
import Testing

@testable import Worker

extension ClusterTests {
    /// What a worker does with its shards, without its process: what is late because of what, and what must not be.
    @Suite(.serialized) struct StewardTests {
        private static let other = WorkerInstanceID(2)
        private static let fence = WorkerBench.instance

        /// Changes the status of one of the star's rays behind the worker's back.
        private static func change(_ bench: WorkerBench, _ connection: PostgresConnection) throws {
            _ = try HierarchyWrites.setStatus(
                StatusRequest(
                    fence: WriteFence(shard: ShardID(bench.star), owner: fence, epoch: Epoch(1)),
                    affiliateID: AffiliateID(TestNetwork.starCentre + 1), status: .inactive,
                    origin: ChangeOrigin(actor: "tests")), on: connection)
        }

        @Test("a join waits for no copy that follows, and what a hand-off follows waits for no long moves of subtrees")
        func pools() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                try bench.begin()
                try bench.own(bench.star)
                try bench.whileBusy(bench.pools.catchUp, CatchUpLine.placesMax[0]) {
                    let outcome = try bench.join("joins beside catch-ups")
                    #expect(outcome == .body)
                }
                try Self.change(bench, connection)
                let last = try HierarchyChanges.lastSequences(on: connection)[bench.star]
                try bench.whileBusy(bench.pools.wide, 2) {
                    try bench.onLoop {
                        if let copy = bench.loop.seat(ShardID(bench.star)).copy { bench.loop.writer?.catchUp(copy) }
                    }
                    try TestCluster.wait("the copy has followed") {
                        try bench.onLoop { (bench.loop.seat(ShardID(bench.star)).copy?.applied ?? 0) >= last }
                    }
                }
            }
            try await bench.stop()
        }

        @Test("a shard that is ours is read beside standbys, and a standby's reading is kept when the shard becomes ours")
        func loads() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                let (standby, owned) = (bench.star, (bench.star + 1) % ShardID.count)
                try bench.begin()
                try connection.transaction {
                    _ = try connection.execute("LOCK TABLE fature_v2.affiliates_optimized IN ACCESS EXCLUSIVE MODE")
                    try bench.onLoop { bench.loop.seat(ShardID(standby)).standsBy = true }
                    try bench.awaitWaiters(1, "locktype = 'relation'", connection)
                    try bench.say(owned)
                    try bench.awaitWaiters(2, "locktype = 'relation'", connection)
                    try bench.onLoop { bench.loop.seat(ShardID(standby)).standsBy = false }
                    try bench.say(standby, at: 2)
                    #expect(try bench.state(standby) == .loading(Epoch(2)))
                }
                try bench.waitUntilServed(owned)
                try bench.waitUntilServed(standby, at: 2)
            }
            let passes = bench.recorder.lines.filter { $0.contains("shards loaded") }
            #expect(passes.count == 2 && passes.allSatisfy { $0.contains("shards=1") }, "\(passes)")
            try await bench.stop()
        }

        @Test("a lease that is lost while a shard is read leaves it to the next lease, which reads nothing twice")
        func leaseLost() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let connection = try bench.connect()
                try bench.begin()
                try connection.transaction {
                    _ = try connection.execute("LOCK TABLE fature_v2.affiliates_optimized IN ACCESS EXCLUSIVE MODE")
                    try bench.say(bench.star)
                    try bench.awaitWaiters(1, "locktype = 'relation'", connection)
                    try bench.onLoop { bench.steward.end() }
                    try bench.begin(as: Self.other)
                    try bench.say(bench.star, isOf: Self.other, at: 2)
                    #expect(try bench.state(bench.star) == .loading(Epoch(2)))
                }
                try bench.waitUntilServed(bench.star, at: 2)
            }
            #expect(bench.recorder.lines.count { $0.contains("shards loaded") } == 1)
            try await bench.stop()
        }

        @Test("a catch-up whose answer is lost ends, and waits for nobody who writes to the shard")
        func lostCatchUp() async throws {
            let server = try await PrivatePostgres.shared()
            let proxy = try PostgresProxy(to: server.port, of: "catch-ups")
            defer { proxy.stop() }
            let bench = try await WorkerBench.start(catchUpsAt: proxy.port)
            try await TestCluster.blocking {
                let connection = try bench.connect()
                try bench.begin()
                try bench.own(bench.star)
                let shard = ShardID(bench.star)
                func catchUp() throws {
                    try bench.onLoop { if let copy = bench.loop.seat(shard).copy { bench.loop.writer?.catchUp(copy) } }
                }
                func awaitQuiet() throws {
                    try TestCluster.wait("the copy has nothing going on") {
                        try bench.onLoop { bench.loop.seat(shard).copy?.isBusy == false }
                    }
                }
                try catchUp()
                try awaitQuiet()
                try connection.transaction {
                    _ = try connection.execute(
                        "SELECT 1 FROM fature_v2.shard_sequence WHERE shard_id = $1 FOR UPDATE", [.int(Int64(bench.star))])
                    proxy.arm(.loseAnswer)
                    try catchUp()
                    try awaitQuiet()
                    #expect(!proxy.isArmed)
                }
                try Self.change(bench, connection)
                let last = try HierarchyChanges.lastSequences(on: connection)[bench.star]
                try catchUp()
                try TestCluster.wait("the copy has followed") {
                    try bench.onLoop { (bench.loop.seat(shard).copy?.applied ?? 0) >= last }
                }
            }
            try await bench.stop()
        }
    }
}
