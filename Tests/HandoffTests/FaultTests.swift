import ClusterSupport
import Core
import Foundation
import Glibc
import Ownership
import PostgresClient
import TestServers
import Testing

extension HandoffTests {
    /// Who dies or is cut off in the middle of a hand-off.
    @Suite(.serialized) struct FaultTests {
        private static let lease = "FATURE_WORKER_LEASE_MILLISECONDS=1500"

        @Test(
            "a source or target that is killed at a step of a hand-off costs nothing that was answered",
            arguments: [
                [FailPoint.moveBeforeSeal, .moveAfterSeal, .moveBeforeCommit, .moveAfterCommit],
                [.moveBeforeReady, .moveAfterReady, .moveBeforeConfirm, .moveAfterConfirm],
            ])
        func killed(points: [FailPoint]) async throws {
            let isSource = points.contains(.moveBeforeCommit)
            let cluster = try await TestCluster.start(
                workers: 1, gateways: 1, affiliates: 100, seed: 73, environment: ["worker-1": [Self.lease]])
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster, isMortal: true)
                life.start(transactions: false)
                for point in points {
                    let victim = "victim-\(point.rawValue)"
                    try cluster.startWorker(victim, environment: [Self.lease, "\(FailPoint.variable)=\(point.rawValue)=kill"])
                    try TestCluster.wait("\(victim) is there") { try desk.instance(victim) > 0 }
                    if isSource { try desk.move(life.shard, to: victim) }
                    let move = try desk.order(life.shard, to: isSource ? "worker-1" : victim)
                    try TestCluster.wait("\(victim) is dead") { !cluster.isRunning(victim) }
                    try TestCluster.wait("worker-1 has the shard and writes to it") {
                        try cluster.owner(ofShard: life.shard, desk.connection) == "worker-1"
                    }
                    let before = life.joinedCount
                    try TestCluster.wait("people join") { life.joinedCount > before }
                    let stage = try desk.await(move, "committed")
                    print("killed at \(point.rawValue): \(stage.name)")
                    // A target that dies when it has confirmed may own the shard first, or not.
                    if point != .moveAfterConfirm { #expect((stage.name == "committed") == (point == .moveAfterCommit)) }
                }
                #expect(life.stop() == [])
                print("killed: \(life.answers.summary)")
                #expect(try life.problems(desk.connection) == [])
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }

        /// Holds up the commit of a move, which is confirmed by then, while something happens.
        private static func atTheCommit(_ desk: MoveDesk, _ shard: Int, to worker: String, _ happens: (MoveID) throws -> Void)
            throws
            -> MoveID?
        {
            let blocker = try desk.cluster.connect()
            let move = try desk.order(shard, to: worker)
            try blocker.transaction {
                // As a write's fence does; the commit waits for its end, 300 ms at most.
                _ = try blocker.execute("SELECT 1 FROM fature_v2.shard WHERE id = $1 FOR SHARE", [.int(Int64(shard))])
                let end = ContinuousClock.now + .seconds(10)
                while ContinuousClock.now < end {
                    let waits = try desk.connection.execute(
                        """
                        SELECT pid FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%commit_move%'
                        """)
                    if waits.rowCount > 0 { return try happens(move) }
                    if case .aborted = try desk.stage(move) { return }
                }
            }
            return move
        }

        @Test("a commit whose connection breaks is found out: whichever it was, one worker serves, and nobody else")
        func lostCommit() async throws {
            let server = try await PrivatePostgres.shared()
            let proxy = try PostgresProxy(to: server.port, of: "hand-offs")
            defer { proxy.stop() }
            let cluster = try await TestCluster.start(gateways: 1, affiliates: 100, seed: 74, workersReachPostgresAt: proxy.port)
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster)
                life.start(transactions: false)
                var ends: [String] = []
                for isRolledBack in [true, false, true, false] {
                    let target = MoveDesk.other(try cluster.owner(ofShard: life.shard, desk.connection))
                    var happened = false
                    for _ in 0..<5 where !happened {
                        let move = try Self.atTheCommit(desk, life.shard, to: target) { _ in
                            happened = true
                            if isRolledBack {
                                _ = try desk.connection.execute(
                                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%commit_move%' AND pid <> pg_backend_pid()"
                                )
                            } else {
                                proxy.loseAnswers()
                            }
                        }
                        let stage = try desk.await(try #require(move), "committed")
                        guard happened else { continue }
                        ends.append(stage.name)
                        #expect(stage.name == (isRolledBack ? "aborted" : "committed"))
                        #expect(
                            try cluster.owner(ofShard: life.shard, desk.connection)
                                == (isRolledBack ? MoveDesk.other(target) : target))
                        if case .aborted(let reason, _) = stage { #expect(reason == .outcomeUnknown) }
                    }
                    let before = life.joinedCount
                    try TestCluster.wait("people join") { life.joinedCount > before + 5 }
                }
                #expect(life.stop() == [])
                print("lost commits: \(ends); \(life.answers.summary)")
                #expect(ends.count == 4)
                #expect(life.answers.kinds.isSubset(of: ["join body", "read body", "change body"]), "\(life.answers.summary)")
                #expect(try life.problems(desk.connection) == [])
                #expect(try cluster.differences() == [])
            }
        }

        @Test("what others bring to the shard while its commit waits is at the target before it answers")
        func foreignChanges() async throws {
            let cluster = try await TestCluster.start(gateways: 1, affiliates: 100, seed: 75)
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster)
                let chain = try Chain(cluster)
                let frames = try FrameCaller(cluster)
                // While the commit waits: behind the seal, and before the answer.
                var overtaken = 0
                for _ in 0..<10 where overtaken < 2 {
                    let target = MoveDesk.other(try cluster.owner(ofShard: life.shard, desk.connection))
                    var read: WorkerProbe?
                    let move = try Self.atTheCommit(desk, life.shard, to: target) { _ in
                        // Nobody is told anything that the commit may have made old.
                        read = try FrameCaller(cluster).begin(.affiliate, life.shard) { ShardLife.centreQuestion.write(to: $0) }
                        #expect(read?.hasAnswer(withinMilliseconds: 50) == false)
                        try chain.sendOne(to: TestNetwork.starCentre)
                    }
                    if let read { #expect([.moved, .body].contains(try read.receiveReply().outcome)) }
                    let reply = try frames.ask(.affiliate, life.shard) { ShardLife.centreQuestion.write(to: $0) }
                    let answer = try JSONDecoder().decode(AffiliateAnswer.self, from: Data(reply.fields))
                    #expect(answer.direct_referrals_count == Int(TestNetwork.starReferrals + chain.sent))
                    if case .committed(let seal, let last) = try desk.await(try #require(move), "committed"),
                        last > seal.finalSequence
                    {
                        overtaken += 1
                    }
                }
                #expect(overtaken == 2)
                #expect(try cluster.differences() == [])
            }
        }
    }
}
