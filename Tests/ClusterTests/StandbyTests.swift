import ClusterSupport
import Foundation
import PostgresClient
import Testing

extension ClusterTests {
    @Suite(.serialized) struct StandbyTests {
        /// What is promised: from the end of a dead worker's lease until its shards are their standbys'.
        private static let takeOverMillisecondsMax: Int64 = 1_000

        @Test(
            "every shard has a standby that is not its owner, and a dead worker's shards are their standbys' within a second of its lease's end"
        )
        func takeOver() async throws {
            let cluster = try await TestCluster.start(
                workers: 3, affiliates: 600, seed: 71, environment: ["coordinator-1": ["FATURE_COORDINATOR_REPLICAS=1"]])
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                try TestCluster.wait("all shards have standbys") { try count(connection, "TRUE") == 256 }
                #expect(try count(connection, "h.owner = b.instance_id") == 0)
                let victims = try cluster.shards(of: "worker-1", connection)
                let before = try standbys(connection)
                // What one death brings is spread over both others.
                let taken = Dictionary(grouping: victims) { before[$0] ?? 0 }
                #expect(taken.count == 2)

                cluster.kill("worker-1")
                let expires = try connection.execute(
                    """
                    SELECT (extract(epoch FROM expires_at) * 1000)::bigint FROM fature_v2.worker_lease WHERE name = 'worker-1'
                    """
                ).int(0, 0)
                var owners: [Int: Int64] = [:]
                var now: Int64 = 0
                try TestCluster.wait("the shards of worker-1 have other owners") {
                    let rows = try connection.execute(
                        """
                        SELECT h.id, h.owner, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM fature_v2.shard h
                        JOIN fature_v2.worker_lease w ON w.instance_id = h.owner WHERE w.name <> 'worker-1'
                        """)
                    owners = Dictionary(
                        uniqueKeysWithValues: try (0..<rows.rowCount).map { (Int(try rows.int($0, 0)), try rows.int($0, 1)) })
                    now = try rows.int(0, 2)
                    return owners.count == 256
                }
                print("killed worker: its shards were their standbys' \(now - expires) ms after its lease had ended")
                #expect(now - expires < Self.takeOverMillisecondsMax)
                #expect(victims.allSatisfy { owners[$0] == before[$0] })
                try cluster.waitUntilReady()
                #expect(try cluster.differences() == [])

                // The two that live stand by for each other.
                try TestCluster.wait("all shards have standbys again") {
                    try count(connection, "h.owner <> b.instance_id") == 256
                }
                // Without replicas nobody does.
                cluster.kill("coordinator-1")
                try cluster.startCoordinator("coordinator-2")
                try TestCluster.wait("nobody stands by") { try count(connection, "TRUE") == 0 }
            }
        }

        /// How many standbys there are of which this is so.
        private func count(_ connection: PostgresConnection, _ condition: String) throws -> Int64 {
            try connection.execute(
                "SELECT count(*) FROM fature_v2.shard_standby b JOIN fature_v2.shard h ON h.id = b.shard_id WHERE \(condition)"
            ).int(0, 0)
        }

        /// The standby's instance, by shard.
        private func standbys(_ connection: PostgresConnection) throws -> [Int: Int64] {
            let rows = try connection.execute("SELECT shard_id, instance_id FROM fature_v2.shard_standby")
            return Dictionary(
                uniqueKeysWithValues: try (0..<rows.rowCount).map { (Int(try rows.int($0, 0)), try rows.int($0, 1)) })
        }
    }
}
