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

                cluster.kill("worker-1")
                cluster.kill("worker-2")
                try TestCluster.wait("worker-3 has all shards") {
                    try cluster.shards(of: "worker-3", connection).count == 256
                }
            }
        }
    }
}
