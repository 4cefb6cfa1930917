import Core
import PostgresClient
import Store

extension DatabaseAdministration {
    private static let heavyMax = 10
    /// A plan may take as long.
    private static let heavyMillisecondsMax = 30_000

    package func shards(of worker: String?) throws -> ShardListDocument {
        let only = try worker.map { try name(of: $0) }
        let entries = try connection.transaction(.snapshotReadOnly) { () -> [ShardListDocument.Entry] in
            let names = Dictionary(
                uniqueKeysWithValues: try OwnershipQueries.workers(on: connection).map { ($0.instance, $0.registration.name) })
            return try OwnershipQueries.weighedShards(on: connection).map { shard in
                ShardListDocument.Entry(
                    shard: Int(shard.shard.rawValue), workerId: shard.owner.flatMap { names[$0] },
                    instance: shard.owner?.rawValue, epoch: shard.epoch.rawValue, affiliates: shard.affiliates,
                    standby: shard.standby.flatMap { names[$0] })
            }
        }
        return ShardListDocument(shards: entries.filter { only == nil || $0.workerId == only })
    }

    package func shard(_ number: Int) throws -> ShardDocument {
        guard (0..<ShardID.count).contains(number) else {
            throw AdministrationFault(.unknownShard, "there is no shard \(number); give 0 to \(ShardID.count - 1)")
        }
        return try connection.transaction(.snapshotReadOnly) { try explanation(of: number) }
    }

    private func explanation(of number: Int) throws -> ShardDocument {
        let id = ShardID(number)
        let shards = try OwnershipQueries.weighedShards(on: connection)
        let workers = try OwnershipQueries.workers(on: connection)
        let shard = shards[number]
        let owner = workers.first { $0.instance == shard.owner }
        func name(_ instance: WorkerInstanceID) -> String {
            workers.first { $0.instance == instance }?.registration.name ?? "instance \(instance)"
        }
        let weights = try ShardWeightKind.allCases.map { kind in
            let all = kind == .affiliates ? shards.map(\.affiliates) : try ShardWeights.read(kind, on: connection)
            let total = all.reduce(0, +)
            return ShardDocument.Weight(
                kind: kind.rawValue, weight: all[number],
                share: total == 0 ? 0 : Int64(clamping: Int128(all[number]) * 10_000 / Int128(total)))
        }
        let heavy = try HeavyAffiliate.read(
            of: id, affiliatesMin: 1, limit: Self.heavyMax, on: connection, timeoutMilliseconds: Self.heavyMillisecondsMax)
        return ShardDocument(
            shard: number, workerId: owner?.registration.name, instance: shard.owner?.rawValue,
            standing: owner?.standing.rawValue, leaseMillisecondsLeft: owner?.leaseMillisecondsLeft, epoch: shard.epoch.rawValue,
            lastSequence: try HierarchyChanges.lastSequences(on: connection)[number], weights: weights,
            heaviest: heavy.map {
                .init(
                    affiliateId: $0.id.rawValue, sponsorId: $0.sponsor?.rawValue, level: $0.level, affiliates: $0.affiliates)
            },
            moves: try RebalancePlans.moves(ofShard: id, limit: Self.heavyMax, on: connection).map { plan, state, move in
                .init(
                    plan: plan, planState: state.rawValue, from: name(move.from), to: name(move.to),
                    reason: move.reason.rawValue, state: move.state.rawValue, failure: move.failure)
            })
    }
}
