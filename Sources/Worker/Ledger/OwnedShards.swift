import Core
import Store
import Synchronization

/// Which shards this worker may write to, for the threads beside the event loop. What it says may be old by the time it is used: the fence
/// decides.
final class OwnedShards: Sendable {
    struct Ownership: Sendable, Equatable {
        var instance: WorkerInstanceID?
        var epochs: [ShardID: Epoch] = [:]

        /// The fence for these shards; nil while nothing is owned. Shards that are not ours are left out, so that the fence refuses them.
        func fence(for shards: some Sequence<ShardID>) -> ShardFence? {
            guard let instance else { return nil }
            let owned = Set(shards).compactMap { shard in epochs[shard].map { (shard: shard, epoch: $0) } }
            return owned.isEmpty ? nil : ShardFence(owner: instance, shards: owned)
        }
    }

    private let state = Mutex(Ownership())

    var current: Ownership { state.withLock { $0 } }

    func set(_ ownership: Ownership) { state.withLock { $0 = ownership } }
}
