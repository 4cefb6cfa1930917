import Core

/// By what right a worker writes to a shard: it is refused unless `shard` still names this owner and this epoch.
package struct WriteFence: Sendable, Equatable {
    package var shard: ShardID
    package var owner: WorkerInstanceID
    package var epoch: Epoch

    package init(shard: ShardID, owner: WorkerInstanceID, epoch: Epoch) {
        self.shard = shard
        self.owner = owner
        self.epoch = epoch
    }
}
