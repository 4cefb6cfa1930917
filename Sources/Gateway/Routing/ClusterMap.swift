import Core

/// Who owns each shard, as PostgreSQL said at one moment.
package struct ClusterMap: Sendable, Equatable {
    package struct Owner: Sendable, Equatable, Hashable {
        package var instance: WorkerInstanceID
        package var name: String
        package var host: String
        package var port: Int
    }

    package var version: Int64
    /// By shard; nil where nobody owns it.
    package var owners: [Owner?]
    /// By shard.
    package var epochs: [Epoch]

    package static let empty = ClusterMap(
        version: -1, owners: Array(repeating: nil, count: ShardID.count), epochs: Array(repeating: Epoch(0), count: ShardID.count)
    )
}
