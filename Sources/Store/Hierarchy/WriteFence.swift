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

/// Who asked for a change and on which request, as the audit keeps it.
package struct ChangeOrigin: Sendable, Equatable {
    package var actor: String
    package var requestID: String?

    package init(actor: String, requestID: String? = nil) {
        self.actor = actor
        self.requestID = requestID
    }
}
