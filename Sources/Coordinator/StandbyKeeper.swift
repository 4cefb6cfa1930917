import Core
import Placement
import PostgresClient
import Store

/// Keeps a standby for every shard. What it remembers only saves work: everything follows from what PostgreSQL says.
struct StandbyKeeper: Sendable {
    /// What standbys depend on. Weights change with every join, and are looked at again now and then only.
    private struct Picture: Equatable {
        var places: [[WorkerInstanceID?]]
        var workers: [PlacedWorker]
        var replicas: Int
    }

    /// Nothing had to change then.
    private var settled: Picture?
    private var lookAgainAt: ContinuousClock.Instant = .now
    /// Standbys leave loaded workers a few at a time: a copy that moves is cold until it is loaded.
    private var stepsAt: ContinuousClock.Instant = .now

    private static let weightsAgainAfter = Duration.seconds(10)
    private static let stepsAfter = Duration.seconds(1)
    private static let stepsMax = 16

    /// - Parameters:
    ///   - weighed: all shards, each with an owner.
    ///   - workers: those with a lease.
    ///   - isRebalancing: shards move; standbys that are well enough where they are stay there.
    /// - Returns: what there is to tell.
    mutating func keep(
        _ replicas: Int, _ weighed: [WeighedShard], _ workers: [RegisteredWorker], isRebalancing: Bool, _ term: Int64,
        _ timeoutMilliseconds: Int, _ connection: PostgresConnection
    ) throws -> String? {
        let now = ContinuousClock.now
        let placed = workers.map {
            PlacedWorker(instance: $0.instance, capacity: $0.registration.capacity, standing: $0.standing)
        }
        let picture = Picture(places: weighed.map { [$0.owner, $0.standby] }, workers: placed, replicas: replicas)
        if picture == settled, now < lookAgainAt { return nil }
        let maySteps = !isRebalancing && now >= stepsAt
        let changes =
            replicas == 0
            ? weighed.filter { $0.standby != nil }.map { StandbyPlace(shard: $0.shard, instance: nil) }
            : StandbyPlacement.changes(
                weighed.map { .init(id: $0.shard, owner: $0.owner, standby: $0.standby, weight: $0.affiliates) }, placed,
                stepsMax: maySteps ? Self.stepsMax : 0
            ).map { StandbyPlace(shard: $0.shard, instance: $0.standby) }
        if maySteps { stepsAt = now + Self.stepsAfter }
        guard !changes.isEmpty else {
            if maySteps || replicas == 0 {
                settled = picture
                lookAgainAt = now + Self.weightsAgainAfter
            }
            return nil
        }
        settled = nil
        switch try StandbyQueries.place(changes, term: term, on: connection, timeoutMilliseconds: timeoutMilliseconds) {
        case .placed(let count, _): return count == 0 ? nil : "\(count) shards have another standby"
        case .termLost: return "the term has ended"
        }
    }
}
