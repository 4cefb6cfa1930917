import Core

/// Who can take up a shard quickly when its owner dies.
package enum WarmCopies {
    /// For each shard without an owner, a living worker that has a copy of it: the target of its last move, if that was aborted in `ready` or
    /// later. The rest is placed by weight.
    /// - Parameter moves: ended moves of late, in any order.
    package static func preferences(
        for free: [ShardID], among living: Set<WorkerInstanceID>, moves: [ShardMove]
    ) -> [(shard: ShardID, worker: WorkerInstanceID)] {
        free.sorted().compactMap { shard in
            let last = moves.filter { $0.shard == shard }.max { $0.id < $1.id }
            guard let last, case .aborted(_, warm: true) = last.stage, living.contains(last.target) else { return nil }
            return (shard, last.target)
        }
    }
}
