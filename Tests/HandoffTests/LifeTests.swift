import ClusterSupport
import Core
import Glibc
import Ownership
import PostgresClient
import TestServers
import Testing

extension HandoffTests {
    /// What a shard's callers see while it goes to and fro.
    @Suite(.serialized) struct LifeTests {
        @Test(
            "a shard that goes to and fro under joins, changes, reads and transactions refuses nothing, loses nothing and pays once"
        )
        func toAndFro() async throws {
            let redis = try await PrivateRedis.start()
            let cluster = try await TestCluster.start(gateways: 1, affiliates: 400, seed: 71, redis: redis)
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster)
                let immigrants = Callers()
                let chain = try Chain(cluster)
                life.start(transactions: true)
                immigrants.add("immigrants") { _ in
                    try chain.sendOne(to: TestNetwork.starCentre)
                    usleep(100_000)
                }
                var ends: [String: Int] = [:]
                for _ in 0..<30 where ends["committed", default: 0] < 8 {
                    let target = MoveDesk.other(try cluster.owner(ofShard: life.shard, desk.connection))
                    let stage = try desk.await(try desk.order(life.shard, to: target), "committed")
                    // This machine may be too slow for the limit of held writes.
                    if case .aborted(let reason, _) = stage { #expect(reason == .holdDeadline) }
                    ends[stage.name, default: 0] += 1
                }
                #expect(life.stop() == [])
                #expect(immigrants.stop() == [])
                print("to and fro: \(ends); \(life.answers.summary); immigrants \(chain.sent); holds \(try desk.holds()) ms")
                #expect(ends["committed"] == 8)
                #expect(
                    life.answers.kinds.isSubset(of: ["join body", "read body", "change body", "transaction accepted"]),
                    "\(life.answers.summary)")
                #expect(life.joinedCount > 10 && life.accepted.count > 20 && chain.sent > 0)
                #expect(try life.problems(desk.connection) == [])
                try TestCluster.wait("all is paid", seconds: 25) {
                    try desk.connection.execute("SELECT count(*) FROM fature_v2.transactions WHERE NOT commission_processed").int(
                        0, 0) == 0
                }
                #expect(try LedgerOracle.problems(desk.connection) == [])
                #expect(try desk.connection.execute("SELECT count(*) FROM fature_v2.commissions").int(0, 0) > 0)
                // No job was in the hand of a worker that had given its shard away.
                #expect(
                    try desk.connection.execute("SELECT coalesce(sum(crashed), 0)::bigint FROM fature_v2.queue_figures").int(0, 0)
                        == 0)
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }

        @Test(
            "writes that are held are answered when an operator gives the move up, or its time is over; what others bring is sealed again"
        )
        func held() async throws {
            // Twice for the writes that are held; then, each time it compares for the first time.
            let stops =
                "\(FailPoint.variable)="
                + [1, 2, 3, 5, 7].map { "\(FailPoint.moveBeforeConfirm.rawValue)=stop@\($0)" }.joined(separator: ",")
            let cluster = try await TestCluster.start(
                gateways: 1, affiliates: 100, seed: 72,
                environment: ["worker-2": [stops]])
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster)
                let owner = try cluster.owner(ofShard: life.shard, desk.connection)
                if owner == "worker-2" { try desk.move(life.shard, to: "worker-1") }
                for reason in [AbortReason.operator, .holdDeadline] {
                    let move = try desk.order(life.shard, to: "worker-2")
                    try desk.await(move, "sealed")
                    try TestCluster.wait("worker-2 stands still") { cluster.isStopped("worker-2") }
                    let writer = try FrameCaller(cluster)
                    let reader = try FrameCaller(cluster)
                    let started = ContinuousClock.now
                    let write = try writer.begin(.setStatus, life.shard) { ShardLife.status(.inactive).write(to: $0) }
                    let isHeld = !write.hasAnswer(withinMilliseconds: 100)
                    let read = try reader.ask(.affiliate, life.shard) { ShardLife.centreQuestion.write(to: $0) }
                    #expect(read.outcome == .body, "\(read)")
                    if reason == .operator {
                        _ = try desk.connection.execute(
                            "SELECT fature_v2.abort_move($1, 'operator', null)", [.int(move.rawValue)])
                    }
                    let reply = try write.receiveReply()
                    #expect(reply.outcome == .body)
                    let stage = try desk.stage(move)
                    guard case .aborted(let ended, warm: true) = stage else {
                        Issue.record("the move is \(stage)")
                        continue
                    }
                    // A test that is too slow sees the deadline in place of the operator.
                    #expect(isHeld || ContinuousClock.now - started > .milliseconds(900))
                    #expect(ended == reason || ended == .holdDeadline)
                    cluster.wake("worker-2")
                }
                // A change by another shard's owner, while the target is about to confirm.
                let chain = try Chain(cluster)
                try chain.bring(to: "worker-1", desk)
                var seals: (first: Seal, last: Seal)?
                for _ in 0..<4 where seals == nil {
                    let move = try desk.order(life.shard, to: "worker-2")
                    let stage = try desk.await(move, "sealed")
                    try TestCluster.wait("worker-2 stands still") { cluster.isStopped("worker-2") }
                    try chain.sendOne(to: TestNetwork.starCentre)
                    try TestCluster.wait("the source has followed") { try desk.stage(move) != stage }
                    cluster.wake("worker-2")
                    let end = try desk.await(move, "committed")
                    if case .sealed(let first) = stage, case .committed(let last, _) = end { seals = (first, last) }
                }
                let (first, last) = try #require(seals)
                #expect(first.finalSequence < last.finalSequence && first.checksum != last.checksum)
                #expect(try cluster.differences() == [])
            }
        }

        @Test("a standby takes a dead worker's shards up without reading them again, with all that was committed")
        func standby() async throws {
            let cluster = try await TestCluster.start(
                gateways: 1, affiliates: 300, seed: 76, environment: ["coordinator-1": ["FATURE_COORDINATOR_REPLICAS=1"]])
            try await TestCluster.blocking {
                let desk = try MoveDesk(cluster)
                let life = try ShardLife(cluster, isMortal: true)
                life.start(transactions: false)
                let owner = try cluster.owner(ofShard: life.shard, desk.connection) ?? ""
                let survivor = MoveDesk.other(owner)
                try TestCluster.wait("\(survivor) has a copy of everything") {
                    Self.loaded(cluster.log(survivor)).total >= ShardID.count
                }
                let before = life.joinedCount
                try TestCluster.wait("people join") { life.joinedCount > before + 10 }
                let passes = Self.loaded(cluster.log(survivor)).passes
                cluster.retire(owner)
                try TestCluster.wait("\(survivor) has all shards") {
                    try cluster.shards(of: survivor, desk.connection).count == ShardID.count
                }
                let then = life.joinedCount
                try TestCluster.wait("people join again") { life.joinedCount > then + 10 }
                #expect(life.stop() == [])
                #expect(Self.loaded(cluster.log(survivor)).passes == passes)
                #expect(try life.problems(desk.connection) == [])
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }

        /// How often a worker has read shards, and how many of them, by its log.
        private static func loaded(_ log: String) -> (passes: Int, total: Int) {
            let counts = log.split(separator: "\n").filter { $0.contains("\"shards loaded\"") }.compactMap {
                $0.firstMatch(of: /"shards":"(\d+)"/).flatMap { Int($0.output.1) }
            }
            return (counts.count, counts.reduce(0, +))
        }
    }
}
