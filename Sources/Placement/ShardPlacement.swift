import Core

/// Decides which worker gets which free shard. Pure: the same state gives the same answer.
package enum ShardPlacement {
    /// A shard as placement sees it.
    package struct Shard: Sendable, Equatable {
        package var id: ShardID
        package var owner: WorkerInstanceID?
        /// What it costs to serve; at least the number of its affiliates.
        package var weight: Int64

        package init(id: ShardID, owner: WorkerInstanceID?, weight: Int64) {
            self.id = id
            self.owner = owner
            self.weight = weight
        }
    }

    /// A worker that can take shards.
    package struct Worker: Sendable, Equatable {
        package var instance: WorkerInstanceID
        /// Relative to others; at least 1.
        package var capacity: Int64

        package init(instance: WorkerInstanceID, capacity: Int64) {
            self.instance = instance
            self.capacity = capacity
        }
    }

    /// Owners for all shards that have none among `workers`: heaviest first, each to the worker that is then least loaded for its capacity
    /// ("longest processing time first": R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). What a living worker owns stays.
    /// Ties go to the smaller number. Empty when there are no workers.
    /// - Parameter preferred: workers that can take up a shard at once, by shard. Those among `workers` get theirs before anything is weighed.
    package static func assign(
        _ shards: [Shard], to workers: [Worker], preferred: [ShardID: WorkerInstanceID] = [:]
    ) -> [(shard: ShardID, worker: WorkerInstanceID)] {
        guard !workers.isEmpty else { return [] }
        var loads: [WorkerInstanceID: Int64] = [:]
        for worker in workers { loads[worker.instance] = 0 }
        var free: [Shard] = []
        var assignments: [(shard: ShardID, worker: WorkerInstanceID)] = []
        for shard in shards {
            if let owner = shard.owner, let load = loads[owner] {
                loads[owner] = load + cost(shard)
            } else if let warm = preferred[shard.id], let load = loads[warm] {
                loads[warm] = load + cost(shard)
                assignments.append((shard.id, warm))
            } else {
                free.append(shard)
            }
        }
        free.sort { $0.weight != $1.weight ? $0.weight > $1.weight : $0.id < $1.id }
        let candidates = workers.sorted { $0.instance < $1.instance }
        for shard in free {
            guard var best = candidates.first else { break }
            for candidate in candidates.dropFirst() where isLighter(candidate, best, loads, cost(shard)) { best = candidate }
            loads[best.instance, default: 0] += cost(shard)
            assignments.append((shard.id, best.instance))
        }
        return assignments
    }

    /// Even an empty shard costs something, so that empty ones are spread as well.
    private static func cost(_ shard: Shard) -> Int64 { max(0, shard.weight) + 1 }

    /// Whether `a` would be less loaded than `b` with the shard, each relative to its capacity; by cross multiplication, without rounding.
    private static func isLighter(_ a: Worker, _ b: Worker, _ loads: [WorkerInstanceID: Int64], _ cost: Int64) -> Bool {
        let loadA = Int128((loads[a.instance] ?? 0) + cost) * Int128(max(1, b.capacity))
        let loadB = Int128((loads[b.instance] ?? 0) + cost) * Int128(max(1, a.capacity))
        return loadA < loadB
    }
}
