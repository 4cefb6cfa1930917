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

        @Test("who joins a shard that is served stands behind no catch-up of a copy that nobody waits for")
        func joinBehindCatchUp() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let standby = (bench.star + 1) % ShardID.count
                try bench.begin()
                try bench.own(bench.star)
                try bench.onLoop { bench.loop.seat(ShardID(standby)).standsBy = true }
                try TestCluster.wait("the standby has a copy") {
                    try bench.onLoop { bench.loop.seat(ShardID(standby)).copy != nil }
                }
                func catchUp(_ shard: Int) throws {
                    try bench.onLoop {
                        if let copy = bench.loop.seat(ShardID(shard)).copy { bench.loop.writer?.catchUp(copy) }
                    }
                }
                let pool = bench.pools.catchUp
                var joined: UInt64 = 0
                try bench.whileBusy(pool, CatchUpLine.placesMax[0]) {
                    // A subtree that takes its time has the one place of those that nobody waits for.
                    try catchUp(standby)
                    try TestCluster.wait("the copy asks for changes") { pool.pendingCount == 1 }
                    try catchUp(bench.star)
                    try bench.onLoop { #expect(bench.loop.seat(ShardID(bench.star)).copy?.isBusy == true) }
                    #expect(pool.pendingCount == 1)
                    joined = try bench.sendJoin("stands behind a catch-up")
                    try TestCluster.wait("the shard's catch-up has the other place") { pool.pendingCount == 2 }
                }
                #expect(try bench.awaitAnswer(joined).outcome == .body)
            }
            try await bench.stop()
        }

        @Test("a shard that is ours is read beside standbys, and a standby's reading is kept when the shard becomes ours")
        func loads() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let (standby, owned) = (bench.star, (bench.star + 1) % ShardID.count)
                try bench.begin()
                try bench.whileLoadsStand { awaitLoads in
                    try bench.onLoop { bench.loop.seat(ShardID(standby)).standsBy = true }
                    try awaitLoads(1)
                    try bench.say(owned)
                    try awaitLoads(2)
                    try bench.onLoop { bench.loop.seat(ShardID(standby)).standsBy = false }
                    // Both places are taken, so it waits for the first of them.
                    try bench.say(standby, at: 2)
                    #expect(try bench.state(standby) == .loading(Epoch(2)))
                }
                try bench.waitUntilServed(owned)
                try bench.waitUntilServed(standby, at: 2)
            }
            try await bench.stop()
        }

        @Test(
            "a shard that becomes ours is read at once beside the standbys' pass that has it, and the first reading to come is taken"
        )
        func loadedTwice() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                let shards = [bench.star, (bench.star + 1) % ShardID.count]
                func loaded(_ count: Int) -> Int {
                    bench.recorder.lines.count { $0.contains("shards loaded") && $0.contains("shards=\(count)") }
                }
                func standBy(_ shard: Int, _ isWanted: Bool) throws {
                    try bench.onLoop { bench.loop.seat(ShardID(shard)).standsBy = isWanted }
                }
                func awaitReadings(_ shard: Int, _ readings: [LoadLine.Rank]) throws {
                    try TestCluster.wait("shard \(shard) is read as \(readings)") {
                        try bench.onLoop { bench.loop.seat(ShardID(shard)).readings == readings }
                    }
                }
                func becomesOurs(_ shard: Int) throws {
                    try standBy(shard, true)
                    try awaitReadings(shard, [.standby])
                    try standBy(shard, false)
                    try bench.say(shard, at: 2)
                }
                try bench.begin()
                // The standbys' pass goes on and on.
                try bench.whileBusy(bench.pools.ahead, 1) {
                    try becomesOurs(shards[0])
                    try bench.waitUntilServed(shards[0], at: 2)
                    #expect(loaded(1) == 1)
                }
                try TestCluster.wait("the other reading is dropped") { loaded(0) == 1 }
                // And here it comes first.
                try bench.whileBusy(bench.pools.load, LoadLine.placesMax[0]) {
                    try bench.whileLoadsStand { _ in
                        try becomesOurs(shards[1])
                        try awaitReadings(shards[1], [.standby, .owned])
                    }
                    try bench.waitUntilServed(shards[1], at: 2)
                    #expect(loaded(1) == 2)
                }
                try TestCluster.wait("the other reading is dropped") { loaded(0) == 2 }
                #expect(try bench.state(shards[1]) == .serving(Epoch(2)))
            }
            try await bench.stop()
        }

        @Test("a worker that ends waits for no reading of shards")
        func ending() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                try bench.begin()
                try bench.whileLoadsStand { awaitLoads in
                    try bench.say(bench.star)
                    try awaitLoads(1)
                    try bench.onLoop {
                        bench.steward.end()
                        #expect(bench.steward.stopLoads().count == 1)
                    }
                    try awaitLoads(0)
                    try TestCluster.wait("the pass has ended") { try bench.onLoop { bench.steward.passes.isEmpty } }
                }
            }
            #expect(!bench.recorder.lines.contains { $0.contains("could not be loaded") })
            try await bench.stop()
        }

        @Test("a lease that is lost while a shard is read leaves it to the next lease, which reads nothing twice")
        func leaseLost() async throws {
            let bench = try await WorkerBench.start()
            try await TestCluster.blocking {
                try bench.begin()
                try bench.whileLoadsStand { awaitLoads in
                    try bench.say(bench.star)
                    try awaitLoads(1)
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
