/// Every shard, as `fature shard ls --json` prints them.
package struct ShardListDocument: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        package let shard: Int
        /// Nil: nobody serves it.
        package let workerId: String?
        package let instance: Int64?
        package let epoch: Int64
        package let affiliates: Int64
        /// Who keeps a warm copy; nil: nobody.
        package let standby: String?
    }

    package let shards: [Entry]
}

/// Everything about one shard, as `fature shard explain --json` prints it.
package struct ShardDocument: Codable, Sendable {
    package struct Weight: Codable, Sendable {
        package let kind: String
        package let weight: Int64
        /// Of all shards, in basis points.
        package let share: Int64
    }

    package struct Heavy: Codable, Sendable {
        package let affiliateId: Int64
        package let sponsorId: Int64?
        package let level: Int64
        /// It and its whole downline.
        package let affiliates: Int64
    }

    package struct Move: Codable, Sendable {
        package let plan: Int64
        package let planState: String
        package let from: String
        package let to: String
        package let reason: String
        package let state: String
        package let failure: String?
    }

    package let shard: Int
    package let workerId: String?
    package let instance: Int64?
    package let standing: String?
    package let leaseMillisecondsLeft: Int64?
    package let epoch: Int64
    package let lastSequence: Int64
    package let weights: [Weight]
    package let heaviest: [Heavy]
    /// The newest first.
    package let moves: [Move]
}
