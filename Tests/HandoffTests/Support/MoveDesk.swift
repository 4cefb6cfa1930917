import ClusterSupport
import Core
import Glibc
import Ownership
import PostgresClient
import Store
import TestServers

/// Orders hand-offs as the leading coordinator does, and watches their rows.
struct MoveDesk {
    let cluster: TestCluster
    let connection: PostgresConnection

    init(_ cluster: TestCluster) throws {
        self.cluster = cluster
        connection = try cluster.connect()
    }

    func instance(_ worker: String) throws -> Int64 {
        try connection.execute(
            "SELECT coalesce(max(instance_id), 0) FROM fature_v2.worker_lease WHERE name = $1", [.text(worker)]
        ).int(0, 0)
    }

    /// Orders a move of a shard to a worker, by its name.
    func order(_ shard: Int, to worker: String, deadlineMilliseconds: Int64 = 30_000) throws -> MoveID {
        let row = try connection.execute("SELECT owner, epoch FROM fature_v2.shard WHERE id = $1", [.int(Int64(shard))])
        let term = try connection.execute("SELECT term FROM fature_v2.coordinator_lease").int(0, 0)
        let outcome = try ShardMoveQueries.order(
            ShardID(shard), from: WorkerInstanceID(try row.int(0, 0)), at: Epoch(try row.int(0, 1)),
            to: WorkerInstanceID(try instance(worker)), term: term, deadlineMilliseconds: deadlineMilliseconds, on: connection)
        guard case .ordered(let move) = outcome else { throw TestServerError("the move was not ordered: \(outcome)") }
        return move.id
    }

    func stage(_ move: MoveID) throws -> ShardMove.Stage {
        let rows = try ShardMoveQueries.rows(of: WorkerInstanceID(0), and: [move], on: connection)
        guard let row = rows.moves.first else { throw TestServerError("move \(move) is gone") }
        return row.stage
    }

    /// Waits until the move is in one of these states, or has ended.
    @discardableResult
    func await(_ move: MoveID, _ states: String..., seconds: Int = 20) throws -> ShardMove.Stage {
        var stage = try stage(move)
        try TestCluster.wait("move \(move) is \(states)", seconds: seconds) {
            stage = try self.stage(move)
            return states.contains(stage.name) || ["committed", "aborted"].contains(stage.name)
        }
        return stage
    }

    /// Moves a shard, again if it was given up because this machine was too slow for it.
    func move(_ shard: Int, to worker: String, attempts: Int = 5) throws {
        for _ in 0..<attempts {
            if case .committed = try self.await(try order(shard, to: worker), "committed") { return }
        }
        throw TestServerError("shard \(shard) did not get to \(worker) in \(attempts) attempts")
    }

    /// How long writes were held in the moves that were committed, as far as the rows say: from the first seal to the end. Milliseconds, the longest first.
    func holds() throws -> [Int64] {
        let rows = try connection.execute(
            """
            SELECT (extract(epoch FROM ended_at - sealed_at) * 1000)::bigint FROM fature_v2.shard_move
            WHERE state = 'committed' ORDER BY 1 DESC
            """)
        return try (0..<rows.rowCount).map { try rows.int($0, 0) }
    }

    /// The other of two workers.
    static func other(_ worker: String?) -> String { worker == "worker-1" ? "worker-2" : "worker-1" }
}
