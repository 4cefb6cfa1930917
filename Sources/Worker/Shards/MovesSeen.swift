import Core
import Ownership
import PostgresClient
import Store

/// What one look at the rows of hand-offs has shown.
struct MovesSeen: Sendable {
    var rows = ShardMoveQueries.Rows()
    /// Moves that were known as active and have no row any more, each with its shard as it was after that was found.
    var gone: [(move: MoveID, shard: Topology.Shard)] = []

    /// - Parameter known: the moves that the worker takes part in, with their shards.
    static func read(
        of instance: WorkerInstanceID, and known: [(move: MoveID, shard: ShardID)], on connection: PostgresConnection
    ) throws -> MovesSeen {
        let rows = try ShardMoveQueries.rows(
            of: instance, and: known.map(\.move), on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
        let found = Set(rows.moves.map(\.id) + rows.unreadable.map(\.id))
        let missing = known.filter { !found.contains($0.move) }
        guard !missing.isEmpty else { return MovesSeen(rows: rows) }
        // After the look: a commit that is still on its way finds no row, and changes nothing any more.
        let topology = try OwnershipQueries.topology(on: connection, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
        return MovesSeen(rows: rows, gone: missing.map { ($0.move, topology.shards[Int($0.shard.rawValue)]) })
    }
}
