import Core

/// What a rebalance would do: the moves, what they bring, and what they cannot.
package struct RebalancePlan: Sendable, Equatable {
    /// Why a shard moves.
    package enum Reason: String, Sendable, CaseIterable {
        /// Its owner is draining.
        case drain
        /// Its owner carries more than its limit.
        case overload
        /// Its owner makes room for another that it gets.
        case makeRoom = "make_room"
    }

    package struct Move: Sendable, Equatable {
        package let shard: ShardID
        package let from: WorkerInstanceID
        package let to: WorkerInstanceID
        package let reason: Reason
        package let weight: Int64
        /// Affiliates that the new owner loads.
        package let affiliates: Int64

        package init(
            shard: ShardID, from: WorkerInstanceID, to: WorkerInstanceID, reason: Reason, weight: Int64, affiliates: Int64
        ) {
            self.shard = shard
            self.from = from
            self.to = to
            self.reason = reason
            self.weight = weight
            self.affiliates = affiliates
        }
    }

    /// One worker, before and after. Weights are in the plan's unit, each shard counted as one more than it weighs.
    package struct Worker: Sendable, Equatable {
        package let instance: WorkerInstanceID
        package let standing: WorkerStanding
        package let capacity: Int64
        package let shardsBefore: Int
        package let shardsAfter: Int
        package let weightBefore: Int64
        package let weightAfter: Int64
        /// The most it may carry as it is placed afterwards; nil unless it is open.
        package let limit: Int64?
    }

    /// A shard that keeps a worker above what whole shards can bring it down to.
    package struct Obstacle: Sendable, Equatable {
        package let shard: ShardID
        package let worker: WorkerInstanceID
        package let weight: Int64
        /// What that worker's fair share of everything is.
        package let fairShare: Int64
        /// Whether no worker could bear it; else the shards are too coarse for a better placement to be found.
        package let isGiant: Bool
    }

    package let moves: [Move]
    package let workers: [Worker]
    /// How far the heaviest open worker is above the mean, for its capacity, in 1/10,000 of the mean.
    package let imbalanceBefore: Int64
    package let imbalanceAfter: Int64
    /// The same among what can be balanced at all: giants and the workers set apart for them are left out. Never above the threshold when the
    /// plan reaches its end.
    package let isWithinLimits: Bool
    /// More moves would help, but the plan may not have them.
    package let isCutShort: Bool
    /// By shard; empty when moving can do all there is to do.
    package let obstacles: [Obstacle]
}

/// Why there is no plan.
package enum RebalanceRefusal: Error, Sendable, Equatable {
    /// No worker may be given shards.
    case nowhereToGo
    /// Shards whose owners are none of the workers: they are about to be given out.
    case unplaced([ShardID])
}
