import ClusterSupport
import Foundation
import Testing

extension ClusterTests {
    @Suite(.serialized) struct StandingTests {
        @Test("a cordoned worker gets no shards of a dead one while an open one lives, and all of them when none does")
        func cordoned() async throws {
            let cluster = try await TestCluster.start(workers: 3, affiliates: 300, seed: 61)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let kept = try cluster.shards(of: "worker-3", connection)
                #expect(try cluster.run("worker", "cordon", "worker-3").status == 0)
                cluster.kill("worker-1")
                try TestCluster.wait("worker-2 has the shards of worker-1") {
                    try cluster.shards(of: "worker-2", connection).count == 256 - kept.count
                }
                #expect(try cluster.shards(of: "worker-3", connection) == kept)

                // The same name again, without shards: a plan gives it what is worker-2's, and leaves worker-3 alone.
                try cluster.startWorker("worker-1")
                try TestCluster.wait("worker-1 registers again") {
                    try connection.execute(
                        """
                        SELECT 1 FROM fature_v2.worker_lease w
                        WHERE w.name = 'worker-1' AND NOT EXISTS (SELECT 1 FROM fature_v2.shard s WHERE s.owner = w.instance_id)
                        """
                    ).rowCount == 1
                }
                let planned = try cluster.run("rebalance", "plan", "--json")
                #expect(planned.status == 2, "\(planned.text)\(planned.remarks)")
                let document = try #require(try JSONSerialization.jsonObject(with: planned.output) as? [String: Any])
                let moves = try #require(document["moves"] as? [[String: Any]])
                #expect(moves.allSatisfy { $0["from"] as? String == "worker-2" && $0["to"] as? String == "worker-1" })

                try compareViews(cluster, plan: try #require(document["plan"] as? Int))

                cluster.kill("worker-1")
                cluster.kill("worker-2")
                try TestCluster.wait("worker-3 has all shards") {
                    try cluster.shards(of: "worker-3", connection).count == 256
                }
            }
        }

        /// What the gateway tells operators is what the commands tell them.
        private func compareViews(_ cluster: TestCluster, plan: Int) throws {
            let client = cluster.client()
            let views: [(path: String, command: [String])] = [
                ("workers", ["worker", "ls"]), ("shards", ["shard", "ls"]), ("rebalance/plans", ["rebalance", "ls"]),
                ("rebalance/plans/\(plan)", ["rebalance", "show", "\(plan)"]),
            ]
            for (path, command) in views {
                let told = try client.get("/admin/v1/\(path)")
                #expect(told.status == 200)
                let run = try cluster.run(command + ["--json"])
                #expect(try Self.settled(told.body) == Self.settled(run.output), "\(path)")
            }
            #expect(try client.get("/admin/v1/rebalance/plans/99").status == 404)
            #expect(try client.get("/admin/v1/rebalance/plans/x").status == 400)
        }

        /// Without what changes from moment to moment.
        private static func settled(_ json: some Sequence<UInt8>) throws -> String {
            var object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
            if let workers = object["workers"] as? [[String: Any]] {
                object["workers"] = workers.map { $0.filter { $0.key != "lease_milliseconds_left" } }
            }
            return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }
    }
}
