import Core
import Placement
import PostgresClient

/// What a plan is asked for.
package struct RebalanceQuestion: Sendable {
    package var weight: ShardWeightKind
    package var limits: RebalanceLimits
    /// Workers, by name, that are planned for as if they were draining.
    package var drained: Set<String>

    package init(weight: ShardWeightKind = .affiliates, limits: RebalanceLimits = RebalanceLimits(), drained: Set<String> = []) {
        self.weight = weight
        self.limits = limits
        self.drained = drained
    }
}

/// A plan of a rebalance with what it was made from: one snapshot of the database.
package struct RebalancePlanning: Sendable {
    package let question: RebalanceQuestion
    package let plan: RebalancePlan
    /// Those with a lease, by instance.
    package let workers: [RegisteredWorker]
    /// By shard number.
    package let shards: [WeighedShard]
    package let topologyVersion: Int64
    /// Where the obstacles would have to be cut; one that no cut makes lighter is missing.
    package let cuts: [CutProposal]

    /// So many obstacles are looked into.
    private static let obstaclesMax = 4
    /// Pieces of less than this part of a fair share are no proposal.
    private static let partsMax: Int64 = 64
    private static let heavyMillisecondsMax = 30_000

    /// Reads the cluster and plans. Writes nothing.
    /// - Throws: `RebalanceRefusal`; PostgreSQL's errors.
    package init(_ question: RebalanceQuestion, on connection: PostgresConnection) throws {
        self = try connection.transaction(.snapshotReadOnly) { try Self.init(inSnapshot: question, connection) }
    }

    private init(inSnapshot question: RebalanceQuestion, _ connection: PostgresConnection) throws {
        self.question = question
        topologyVersion = try OwnershipQueries.topologyVersion(on: connection)
        workers = try OwnershipQueries.workers(on: connection).filter { $0.leaseMillisecondsLeft > 0 }
        shards = try OwnershipQueries.weighedShards(on: connection)
        let weights =
            question.weight == .affiliates ? shards.map(\.affiliates) : try ShardWeights.read(question.weight, on: connection)
        let placedWorkers = workers.map { worker in
            let isDrained = question.drained.contains(worker.registration.name)
            return PlacedWorker(
                instance: worker.instance, capacity: worker.registration.capacity,
                standing: isDrained ? .draining : worker.standing)
        }
        let placedShards = zip(shards, weights).map { shard, weight in
            // No instance has the number 0.
            PlacedShard(
                id: shard.shard, owner: shard.owner ?? WorkerInstanceID(0), weight: weight, affiliates: shard.affiliates)
        }
        plan = try RebalancePlanner.plan(placedShards, placedWorkers, limits: question.limits)
        cuts = try plan.obstacles.prefix(Self.obstaclesMax).compactMap { obstacle in
            try Self.cut(obstacle, placedShards, placedWorkers, question.limits.threshold, connection)
        }
    }

    private static func cut(
        _ obstacle: RebalancePlan.Obstacle, _ shards: [PlacedShard], _ workers: [PlacedWorker], _ threshold: Int64,
        _ connection: PostgresConnection
    ) throws -> CutProposal? {
        guard let shard = shards.first(where: { $0.id == obstacle.shard }), shard.affiliates > 0, shard.weight > 0 else {
            return nil
        }
        let least = Int128(obstacle.fairShare) / Int128(partsMax) * Int128(shard.affiliates) / Int128(shard.weight)
        let heavy = try HeavyAffiliate.read(
            of: shard.id, affiliatesMin: Int64(clamping: max(2, least)), on: connection, timeoutMilliseconds: heavyMillisecondsMax
        )
        let nodes = heavy.map { affiliate in
            // Whatever is weighed is taken to be spread like the affiliates.
            HeavyNode(
                id: affiliate.id, sponsor: affiliate.sponsor,
                weight: Int64(clamping: Int128(affiliate.affiliates) * Int128(shard.weight) / Int128(shard.affiliates)))
        }
        let open = workers.filter { $0.standing == .open }
        let cordoned = Set(workers.filter { $0.standing == .cordoned }.map(\.instance))
        return CutProposal.find(
            shard, others: shards.filter { $0.id != shard.id && !cordoned.contains($0.owner) }, nodes: nodes, workers: open,
            threshold: threshold)
    }

    /// Keeps the plan, so that it can be applied.
    /// - Parameter document: the plan as it is shown, JSON.
    /// - Returns: its number.
    package func store(document: String, origin: ChangeOrigin, on connection: PostgresConnection) throws -> Int64 {
        let epochs = Dictionary(uniqueKeysWithValues: shards.map { ($0.shard, $0.epoch) })
        return try RebalancePlans.store(
            NewRebalancePlan(
                weight: question.weight, limits: question.limits, drained: question.drained.sorted(),
                topologyVersion: topologyVersion, document: document,
                moves: plan.moves.map { .init(move: $0, fromEpoch: epochs[$0.shard] ?? Epoch(0)) }),
            origin: origin, on: connection)
    }
}
