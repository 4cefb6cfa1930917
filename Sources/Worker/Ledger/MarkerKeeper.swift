import Core
import JobQueue
import PostgresClient
import Store

/// Has Redis' markers say what PostgreSQL does about epochs. A marker that is above has nobody behind it, where PostgreSQL was restored from a
/// backup, or another program has written it: its shard would never be paid.
enum MarkerKeeper {
    struct Kept {
        /// Shards whose markers were above, and are not any more.
        var reset: [OwnedShard] = []
        /// Shards of which no marker is above.
        var inOrder: [OwnedShard] = []
    }

    /// A marker falls only under the fence in PostgreSQL: an owner that has been replaced does not get it, and nobody can be the next owner while
    /// it is held. And only from what it was before the fence was taken: what another owner has written since stays.
    ///
    /// - Parameter stats: of the worker's shards, of now.
    static func keep(
        _ ownership: OwnedShards.Ownership, _ stats: [QueueStats], _ queue: JobQueue, on database: PostgresConnection
    ) throws -> Kept {
        var kept = Kept()
        var above: [(owned: OwnedShard, seen: Epoch)] = []
        var below: [OwnedShard] = []
        for one in stats {
            guard let epoch = ownership.epochs[one.shard] else { continue }
            let owned = OwnedShard(one.shard, epoch)
            if let marker = one.epoch, marker > epoch {
                above.append((owned, marker))
            } else {
                kept.inOrder.append(owned)
                if let marker = one.epoch, marker < epoch { below.append(owned) }
            }
        }
        if !below.isEmpty { _ = try queue.raiseEpochs(below) }
        guard let fence = ownership.fence(for: above.lazy.map(\.owned.shard)) else { return kept }
        kept.reset = try database.transaction {
            let held = try fence.held(on: database)
            return try queue.resetEpochs(above.filter { held.contains($0.owned.shard) })
        }
        kept.inOrder += kept.reset
        return kept
    }
}
