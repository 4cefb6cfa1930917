import Core
import Placement

/// What a worker says of itself when it registers.
package struct WorkerRegistration: Sendable, Equatable {
    /// Its name, for people; may repeat from boot to boot.
    package var name: String
    /// `host:port` where gateways reach it.
    package var address: String
    /// How much it takes on, relative to others; above 0.
    package var capacity: Int64
    /// The version of its binary.
    package var version: String

    package init(name: String, address: String, capacity: Int64, version: String) {
        self.name = name
        self.address = address
        self.capacity = capacity
        self.version = version
    }
}

/// A worker with its lease, as the coordinator sees it.
package struct RegisteredWorker: Sendable, Equatable {
    package var instance: WorkerInstanceID
    package var registration: WorkerRegistration
    /// Until the lease runs out, by the server's clock; 0 or less: it has.
    package var leaseMillisecondsLeft: Int64
    /// What it may be given.
    package var standing: WorkerStanding

    package init(
        instance: WorkerInstanceID, registration: WorkerRegistration, leaseMillisecondsLeft: Int64, standing: WorkerStanding
    ) {
        self.instance = instance
        self.registration = registration
        self.leaseMillisecondsLeft = leaseMillisecondsLeft
        self.standing = standing
    }
}

/// A shard as the coordinator weighs it.
package struct WeighedShard: Sendable, Equatable {
    package var shard: ShardID
    package var owner: WorkerInstanceID?
    package var epoch: Epoch
    /// The affiliates in it.
    package var affiliates: Int64
    /// The worker that keeps a warm copy of it beside its owner.
    package var standby: WorkerInstanceID?

    package init(shard: ShardID, owner: WorkerInstanceID?, epoch: Epoch, affiliates: Int64, standby: WorkerInstanceID? = nil) {
        self.shard = shard
        self.owner = owner
        self.epoch = epoch
        self.affiliates = affiliates
        self.standby = standby
    }
}

/// Which shard a worker is to have.
package struct ShardAssignment: Sendable, Hashable {
    package var shard: ShardID
    package var instance: WorkerInstanceID

    package init(shard: ShardID, instance: WorkerInstanceID) {
        self.shard = shard
        self.instance = instance
    }
}

/// What became of an assignment: all of it or nothing.
package enum AssignOutcome: Sendable, Equatable {
    case assigned(topologyVersion: Int64)
    /// Another coordinator leads.
    case termLost
    /// These workers have no live lease.
    case instancesGone([WorkerInstanceID])
    /// These shards have an owner, and must be freed or handed off first.
    case notFree([ShardID])
}

/// What became of taking away the leases that ran out.
package enum ReleaseOutcome: Sendable, Equatable {
    /// The workers whose leases were taken away and the shards that are free for it. Both empty: all was well.
    case released([WorkerInstanceID], shards: [ShardID])
    /// Transactions of dead workers held their shards; so many sessions were ended, and the next call finds the shards free.
    case fencesEnded(Int)
    /// Another coordinator leads.
    case termLost
}

/// Where every shard is served, at one moment.
package struct Topology: Sendable, Equatable {
    /// Rises with every change of an owner or a standby.
    package var version: Int64
    /// By shard number.
    package var shards: [Shard]

    package struct Shard: Sendable, Equatable {
        package var owner: WorkerInstanceID?
        package var epoch: Epoch
        /// `host:port` of the owner; nil when nobody serves the shard.
        package var address: String?
        /// The worker that keeps a warm copy; never the owner.
        package var standby: WorkerInstanceID?

        package init(owner: WorkerInstanceID?, epoch: Epoch, address: String?, standby: WorkerInstanceID? = nil) {
            self.owner = owner
            self.epoch = epoch
            self.address = address
            self.standby = standby
        }
    }

    package init(version: Int64, shards: [Shard]) {
        self.version = version
        self.shards = shards
    }
}

/// What tells that a picture of the topology is due anew.
package struct TopologyMark: Sendable, Equatable {
    /// Rises with every change of an owner.
    package var version: Int64
    /// The targets of all hand-offs under way, ascending.
    package var moveTargets: [WorkerInstanceID]

    package init(version: Int64, moveTargets: [WorkerInstanceID]) {
        self.version = version
        self.moveTargets = moveTargets
    }
}
