import Core
import Placement

/// A plan of a rebalance as it is kept.
package struct StoredRebalancePlan: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case planned, refused, applying, paused, done, partial, aborted

        /// Whether its moves are the coordinator's business.
        package var isUnderWay: Bool { self == .applying || self == .paused }
    }

    package let number: Int64
    package let state: State
    package let weight: ShardWeightKind
    /// 1/10,000 above the fair share.
    package let threshold: Int64
    package let movesMax: Int64?
    /// Workers, by name, that become draining when it is applied.
    package let drained: [String]
    package let topologyVersion: Int64
    /// The plan as it was shown, JSON.
    package let document: String
    package let actor: String
    /// Microseconds since 1970 UTC.
    package let plannedAtMicroseconds: Int64
    /// The last change of the state.
    package let stateAtMicroseconds: Int64
    package let stateBy: String
    package let stateReason: String?
    /// Nil until it is applied.
    package let throttles: RebalanceThrottles?
    /// Why no move begins at the moment.
    package let waitsBecause: String?
    /// How many moves are in which state.
    package let moves: [StoredRebalanceMove.State: Int64]

    package var movesTotal: Int64 { moves.values.reduce(0, +) }
}

/// A kept plan as lists show it.
package struct ListedRebalancePlan: Sendable, Equatable {
    package let number: Int64
    package let state: StoredRebalancePlan.State
    package let weight: ShardWeightKind
    /// Workers, by name, that become draining when it is applied.
    package let drained: [String]
    package let actor: String
    /// Microseconds since 1970 UTC.
    package let plannedAtMicroseconds: Int64
    package let stateReason: String?
    package let movesTotal: Int64
    package let movesDone: Int64
}

/// One move of a kept plan.
package struct StoredRebalanceMove: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case planned, moving, done, failed, skipped
    }

    package let position: Int64
    package let shard: ShardID
    package let from: WorkerInstanceID
    package let to: WorkerInstanceID
    package let fromEpoch: Epoch
    package let reason: RebalancePlan.Reason
    package let weight: Int64
    package let affiliates: Int64
    package let state: State
    /// Hand-offs that were begun for it.
    package let attempts: Int64
    /// The row of `shard_move` of the last of them.
    package let move: Int64?
    /// Why the last of them, or the move, did not succeed.
    package let failure: String?
}

/// A plan that is to be kept.
package struct NewRebalancePlan: Sendable {
    package struct Move: Sendable {
        package let move: RebalancePlan.Move
        package let fromEpoch: Epoch

        package init(move: RebalancePlan.Move, fromEpoch: Epoch) {
            self.move = move
            self.fromEpoch = fromEpoch
        }
    }

    package var weight: ShardWeightKind
    package var limits: RebalanceLimits
    package var drained: [String]
    package var topologyVersion: Int64
    /// JSON.
    package var document: String
    /// In the order in which they are to begin.
    package var moves: [Move]

    package init(
        weight: ShardWeightKind, limits: RebalanceLimits, drained: [String], topologyVersion: Int64, document: String,
        moves: [Move]
    ) {
        self.weight = weight
        self.limits = limits
        self.drained = drained
        self.topologyVersion = topologyVersion
        self.document = document
        self.moves = moves
    }
}

/// How fast a plan may be carried out.
package struct RebalanceThrottles: Sendable, Equatable {
    /// Hand-offs under way at once, whoever ordered them.
    package var movesAtOnce: Int64 = 4
    package var movesPerSource: Int64 = 2
    package var movesPerTarget: Int64 = 1
    /// How many changes a target may be behind before its shard is sealed.
    package var lagChangesMax: Int64 = 256
    /// The longest that writes of a shard are held.
    package var holdMillisecondsMax: Int64 = 1_000
    /// While the cluster's p99 is above it no move begins; nil: no limit.
    package var p99MicrosecondsMax: Int64?

    package init() {}
}

/// What became of applying a plan.
package enum ApplyOutcome: Sendable, Equatable {
    case applying
    case noSuchPlan
    /// It was applied, refused or aborted already.
    case notPlanned(StoredRebalancePlan.State)
    /// It has no moves.
    case nothingToMove
    /// Another plan is under way. Its number.
    case otherActive(Int64?)
    /// The cluster is not what it was planned for, and the plan is refused for good: shards with another owner or epoch, targets without a lease or
    /// not open any more.
    case refused(changed: [ShardID], lostTargets: [WorkerInstanceID])
}

/// What a person does to a plan.
package enum RebalanceAction: String, Sendable, CaseIterable {
    case pause, resume, abort
}

/// What became of it.
package enum SteerOutcome: Sendable, Equatable {
    /// Done; its state now.
    case done(StoredRebalancePlan.State)
    case noSuchPlan
    /// Nothing is changed: in this state it cannot be done.
    case wrongState(StoredRebalancePlan.State)
}
