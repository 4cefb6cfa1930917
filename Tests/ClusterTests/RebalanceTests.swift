import ClusterSupport
import Foundation
import PostgresClient
import Testing

extension ClusterTests {
    @Suite(.serialized) struct RebalanceTests {
        @Test(
            "under load a worker that joins gets its share by a plan, the next plan is empty, and a plan made before is refused whole"
        )
        func newcomer() async throws {
            let cluster = try await TestCluster.start(affiliates: 1500, seed: 81)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let watch = try Watch(cluster, victim: nil)
                try cluster.startWorker("worker-3")
                try TestCluster.wait("worker-3 registers") {
                    try number("SELECT count(*) FROM fature_v2.worker_lease", connection) == 3
                }
                let stale = try plan(cluster)
                let fresh = try plan(cluster)
                let applied = try cluster.run(
                    "rebalance", "apply", "\(fresh)", "--wait", "--json", "--moves-at-once", "8", "--per-source", "4",
                    "--per-target",
                    "4")
                #expect(applied.status == 0, "\(applied.text)\(applied.remarks)")
                let moves = try number("SELECT count(*) FROM fature_v2.rebalance_move WHERE plan_id = \(fresh)", connection)
                let took = try number(
                    "SELECT (extract(epoch FROM max(ended_at) - min(ordered_at)) * 1000)::bigint FROM fature_v2.shard_move",
                    connection)
                print("a plan of \(moves) moves took \(took) ms; \(watch.summary)")
                let owned = try number(
                    """
                    SELECT count(*) FROM fature_v2.rebalance_move m JOIN fature_v2.shard s ON s.id = m.shard_id
                    WHERE m.plan_id = \(fresh) AND s.owner = m.to_instance AND s.epoch = m.from_epoch + 1
                    """, connection)
                #expect(owned == moves)
                #expect(try !cluster.shards(of: "worker-3", connection).isEmpty)
                // Whoever has joined meanwhile weighs too.
                let next = try cluster.run("rebalance", "plan", "--threshold", "25%")
                #expect(next.status == 0, "\(next.text)")

                let before = try state(connection)
                let refused = try cluster.run("rebalance", "apply", "\(stale)")
                #expect(refused.status == 4 && refused.remarks.contains("nothing was done"), "\(refused.text)\(refused.remarks)")
                #expect(try state(connection) == before)
                Thread.sleep(seconds: 0.5)
                try watch.finish()
                #expect(watch.reads.kinds == ["200"] && watch.writes.kinds == ["201"], "\(watch.summary)")
                #expect(try cluster.differences() == [])
            }
        }

        @Test(
            "a plan is paused and gone on with, another coordinator ends it when the first has died, and an aborted one leaves its rest where it was"
        )
        func steered() async throws {
            let cluster = try await TestCluster.start(workers: 3, gateways: 1, affiliates: 600, seed: 82)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let drain = try plan(cluster, "--drain", "worker-2")
                func done(_ plan: Int) throws -> Int64 {
                    try number(
                        "SELECT count(*) FROM fature_v2.rebalance_move WHERE plan_id = \(plan) AND state = 'done'", connection)
                }
                #expect(try cluster.run("rebalance", "apply", "\(drain)", "--moves-at-once", "1").status == 2)
                try TestCluster.wait("the first moves are done") { try done(drain) > 3 }
                #expect(try cluster.run("rebalance", "pause").status == 0)
                try TestCluster.wait("moves under way have ended") {
                    try number("SELECT count(*) FROM fature_v2.shard_move WHERE ended_at IS NULL", connection) == 0
                        && number("SELECT count(*) FROM fature_v2.rebalance_move WHERE state = 'moving'", connection) == 0
                }
                let paused = try done(drain)
                try cluster.startCoordinator("coordinator-2")
                Thread.sleep(seconds: 0.5)
                #expect(try done(drain) == paused)

                #expect(try cluster.run("rebalance", "resume").status == 0)
                try TestCluster.wait("it goes on") { try done(drain) > paused + 3 }
                cluster.kill("coordinator-1")
                let ended = try cluster.run("rebalance", "status", "\(drain)", "--watch")
                #expect(ended.status == 0, "\(ended.text)\(ended.remarks)")
                #expect(try number("SELECT count(DISTINCT term) FROM fature_v2.shard_move", connection) == 2)
                #expect(try cluster.shards(of: "worker-2", connection).isEmpty)

                #expect(try cluster.run("worker", "uncordon", "worker-2").status == 0)
                let kept = try cluster.shards(of: "worker-3", connection).count
                let back = try plan(cluster, "--drain", "worker-3")
                #expect(try cluster.run("rebalance", "apply", "\(back)", "--moves-at-once", "1").status == 2)
                try TestCluster.wait("the first moves are done") { try done(back) > 1 }
                #expect(try cluster.run("rebalance", "abort").status == 0)
                try TestCluster.wait("what was under way has ended") {
                    try number("SELECT count(*) FROM fature_v2.rebalance_move WHERE state IN ('moving', 'planned')", connection)
                        == 0
                }
                #expect(try cluster.run("rebalance", "status", "\(back)").status == 3)
                #expect(try cluster.shards(of: "worker-3", connection).count == kept - Int(done(back)))
                #expect(try number("SELECT count(*) FROM fature_v2.rebalance_move WHERE state = 'skipped'", connection) > 0)
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])
            }
        }

        /// Has a plan with moves made. Returns its number.
        private func plan(_ cluster: TestCluster, _ flags: String...) throws -> Int {
            let planned = try cluster.run(["rebalance", "plan", "--json"] + flags)
            #expect(planned.status == 2, "\(planned.text)\(planned.remarks)")
            let document = try #require(try JSONSerialization.jsonObject(with: planned.output) as? [String: Any])
            return try #require(document["plan"] as? Int)
        }

        private func number(_ sql: String, _ connection: PostgresConnection) throws -> Int64 {
            try connection.execute(sql).int(0, 0)
        }

        /// Owners, epochs and hand-offs.
        private func state(_ connection: PostgresConnection) throws -> String {
            try connection.execute(
                """
                SELECT (SELECT count(*) FROM fature_v2.shard_move) || ' ' || string_agg(concat_ws(' ', id, owner, epoch), ',' ORDER BY id)
                FROM fature_v2.shard
                """
            ).text(0, 0)
        }
    }
}
