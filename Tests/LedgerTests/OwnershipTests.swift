import ClusterSupport
import Core
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct TwoOwnersTests {
        @Test("shards taken from one worker and given to the other in full flow, without a word to either: nothing is doubled")
        func stolenShards() async throws {
            let seed = Chaos.seed("stolen shards")
            let trial = try await LedgerTrial.start(seed: seed)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                var random = SeededGenerator(seed: seed)
                // The loser learns of it when it looks at the topology the next time, and believes until then that the shard is its own.
                for _ in 0..<(25 * Chaos.rounds) {
                    let shards = (0..<Int.random(in: 1...128, using: &random)).map { _ in
                        Int64.random(in: 0..<256, using: &random)
                    }
                    try connection.transaction {
                        _ = try connection.execute(
                            """
                            WITH wanted AS (SELECT id FROM fature_v2.shard WHERE id = ANY ($1) AND owner IS NOT NULL ORDER BY id FOR UPDATE)
                            UPDATE fature_v2.shard s SET epoch = s.epoch + 1, owner = (
                                SELECT w.instance_id FROM fature_v2.worker_lease w
                                WHERE w.expires_at > clock_timestamp() ORDER BY w.instance_id = s.owner LIMIT 1)
                            FROM wanted WHERE s.id = wanted.id
                            """, [.int8Array(shards)])
                        _ = try connection.execute("UPDATE fature_v2.topology SET version = version + 1")
                    }
                    try trial.awaitFlow(Int.random(in: 1...60, using: &random))
                }
                try trial.settle("stolen shards")
            }
        }
    }
}
