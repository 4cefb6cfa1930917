import Core

/// A shard as the planner of a rebalance sees it.
package struct PlacedShard: Sendable, Equatable {
    package var id: ShardID
    package var owner: WorkerInstanceID
    /// What it costs its owner to serve, in the unit the plan is made for; counted from 0 to `weightMax`.
    package var weight: Int64
    /// What a move of it carries: the affiliates that its new owner has to load.
    package var affiliates: Int64

    /// 2^53: sums of 256 of them, times a capacity and a threshold, fit `Int128`.
    package static let weightMax: Int64 = 1 << 53

    package init(id: ShardID, owner: WorkerInstanceID, weight: Int64, affiliates: Int64) {
        self.id = id
        self.owner = owner
        self.weight = weight
        self.affiliates = affiliates
    }

    /// Even an empty shard costs something, so that empty ones are spread as well.
    package var cost: Int64 { min(max(0, weight), Self.weightMax) + 1 }
    var carried: Int64 { min(max(0, affiliates), Self.weightMax) }
}

/// What a worker may be given.
package enum WorkerStanding: String, Sendable, CaseIterable {
    /// Shards come and go.
    case open
    /// It keeps what it has and is given nothing.
    case cordoned
    /// All that it has is to go elsewhere.
    case draining
}

/// A living worker as the planner of a rebalance sees it.
package struct PlacedWorker: Sendable, Equatable {
    package var instance: WorkerInstanceID
    /// Relative to others; counted from 1 to `capacityMax`.
    package var capacity: Int64
    package var standing: WorkerStanding

    package static let capacityMax: Int64 = 1 << 32

    package init(instance: WorkerInstanceID, capacity: Int64, standing: WorkerStanding = .open) {
        self.instance = instance
        self.capacity = capacity
        self.standing = standing
    }

    var share: Int64 { min(max(1, capacity), Self.capacityMax) }
}

/// What a plan may do.
package struct RebalanceLimits: Sendable, Equatable {
    /// How far above its fair share a worker's load may be before shards leave it, in 1/10,000: 1,000 is 10%.
    package var threshold: Int64
    /// The most shards that one plan moves; nil: as many as it takes.
    package var movesMax: Int?

    package static let thresholdDefault: Int64 = 1_000
    /// Ten times the fair share.
    package static let thresholdMax: Int64 = 100_000

    package init(threshold: Int64 = thresholdDefault, movesMax: Int? = nil) {
        self.threshold = threshold
        self.movesMax = movesMax
    }
}
