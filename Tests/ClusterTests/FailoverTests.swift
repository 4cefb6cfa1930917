import ClusterSupport
import Foundation
import PostgresClient
import Synchronization
import TestServers
import Testing

extension ClusterTests {
    @Suite(.serialized) struct FailoverTests {
        /// What is promised: shards of a dead worker are served elsewhere within so many milliseconds.
        private static let takeOverMillisecondsMax = 5000.0
        private static let refusalMillisecondsMax = 300.0

        @Test(
            "a worker killed under load: the others answer all the time, its shards come back within 5 s, nothing acknowledged is lost"
        )
        func killedWorker() async throws {
            let cluster = try await TestCluster.start(affiliates: 1500, seed: 41)
            try await TestCluster.blocking {
                let watch = try Watch(cluster, victim: "worker-2")
                Thread.sleep(seconds: 1)
                cluster.kill("worker-2")
                let killed = ContinuousClock.now
                watch.victimIsDown()
                try TestCluster.wait("the survivor serves all shards") { watch.isBack }
                let took = Double((ContinuousClock.now - killed) / .milliseconds(1))
                Thread.sleep(seconds: 1)
                try watch.finish()
                print("killed worker: back after \(Int(took)) ms; \(watch.summary)")
                #expect(took < Self.takeOverMillisecondsMax)
                let refusals: Set = ["503 shard-unavailable", "503 outcome-unknown"]
                #expect(watch.safeReads.kinds == ["200"], "\(watch.summary)")
                #expect(watch.reads.kinds.isSubset(of: refusals.union(["200"])), "\(watch.summary)")
                #expect(watch.writes.kinds.isSubset(of: refusals.union(["201"])), "\(watch.summary)")
                for kind in refusals {
                    // What was on its way had waited for as long as others wait for their answers, before the connection broke.
                    let waited = kind == "503 outcome-unknown" ? watch.writes.slowest("201") : 0
                    #expect(
                        max(watch.reads.slowest(kind), watch.writes.slowest(kind)) < Self.refusalMillisecondsMax + waited,
                        "\(watch.summary)")
                }
                #expect(try cluster.differences() == [])

                // The same name again: it registers, stands by, and takes over when the other one goes.
                try cluster.startWorker("worker-2")
                let connection = try cluster.connect()
                try TestCluster.wait("worker-2 registers") {
                    try connection.execute("SELECT 1 FROM fature_v2.worker_lease WHERE name = 'worker-2'").rowCount == 1
                }
                cluster.kill("worker-1")
                try cluster.waitUntilReady()
                #expect(try cluster.shards(of: "worker-2", connection).count == 256)
                #expect(try cluster.differences() == [])
            }
        }

        @Test("a worker that slept past its lease does not answer out of its old memory")
        func sleeper() async throws {
            let cluster = try await TestCluster.start(affiliates: 600, seed: 42)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let model = try NetworkModel(connection)
                let shards = try cluster.shards(of: "worker-2", connection)
                let id = try #require(model.roots.first { shards.contains(model.affiliates[$0]?.shard ?? -1) })
                let shard = model.affiliates[id]?.shard ?? 0
                let address = try connection.execute("SELECT address FROM fature_v2.worker_lease WHERE name = 'worker-2'").text(
                    0, 0)
                let port = Int(address.split(separator: ":").last ?? "") ?? 0
                // Straight to the worker, past the gateways, who know better by then.
                let direct = try WorkerProbe(port: port)
                #expect(try direct.ask(affiliate: id, shard: shard) == .body)

                cluster.freeze("worker-2")
                let client = cluster.client()
                try TestCluster.wait("worker-1 owns the shard") { try cluster.owner(ofShard: shard, connection) == "worker-1" }
                try TestCluster.wait("the new owner has written") {
                    try client.send("PATCH", "/api/v2/affiliates/\(id)", ["status": "banned"]).status == 200
                }
                // Asked while it sleeps and after it woke: each answer comes from the woken one.
                try direct.send(affiliate: id, shard: shard)
                cluster.wake("worker-2")
                #expect(try direct.receive() == .notOwner)
                #expect(try direct.ask(affiliate: id, shard: shard) == .notOwner)
                let end = ContinuousClock.now + .seconds(2)
                let clients = [client, cluster.client("gateway-2")]
                var answers = 0
                while ContinuousClock.now < end {
                    for client in clients {
                        let answer = try client.get("/api/v2/affiliates/\(id)")
                        // Registered again, it knows who has the shard.
                        #expect([.notOwner, .moved].contains(try direct.ask(affiliate: id, shard: shard)))
                        // A gateway that has not heard of the new owner yet asks the woken one, and is refused.
                        if Tally.kind(answer) == "503 shard-unavailable" { continue }
                        try #require(answer.status == 200, "\(answer.text)")
                        #expect(try answer.decode(AffiliateAnswer.self).status == "banned")
                        answers += 1
                    }
                }
                #expect(answers > 50)
                // It is a worker again, without shards.
                try TestCluster.wait("worker-2 registers anew") {
                    try connection.execute("SELECT 1 FROM fature_v2.worker_lease WHERE name = 'worker-2'").rowCount == 1
                }
                #expect(try cluster.differences() == [])
            }
        }

        @Test("a coordinator that dies is followed by another, and of two only one leads")
        func coordinators() async throws {
            let cluster = try await TestCluster.start(affiliates: 300, seed: 43)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                func lease() throws -> (term: Int64, holder: String?) {
                    let row = try connection.execute("SELECT term, holder FROM fature_v2.coordinator_lease")
                    return (try row.int(0, 0), try row.optionalText(0, 1))
                }
                let first = try lease()
                try cluster.startCoordinator("coordinator-2")
                try TestCluster.wait("the second has looked") {
                    cluster.log("coordinator-2").contains("another coordinator leads") || cluster.isRunning("coordinator-2")
                }
                Thread.sleep(seconds: 1)
                #expect(try lease() == first)
                #expect(!cluster.log("coordinator-2").contains("\"leading\""))
                cluster.kill("coordinator-1")
                try TestCluster.wait("the second leads") { try lease().term == first.term + 1 }
                #expect(try lease().holder != first.holder)
                // It does a coordinator's work.
                cluster.kill("worker-1")
                try TestCluster.wait("worker-2 has everything") { try cluster.shards(of: "worker-2", connection).count == 256 }
                // Frozen past its lease, the leader has nothing to say any more.
                try cluster.startCoordinator("coordinator-3")
                cluster.freeze("coordinator-2")
                try TestCluster.wait("the third leads") { try lease().term == first.term + 2 }
                let third = try lease()
                cluster.wake("coordinator-2")
                Thread.sleep(seconds: 1)
                #expect(try lease() == third)
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }
    }
}
