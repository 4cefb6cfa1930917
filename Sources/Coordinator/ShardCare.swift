import Core
import Ownership
import Placement
import PostgresClient
import Store

/// What the leader does about shards in one cycle: takes away what the dead owned, gives out what is free, and keeps standbys placed.
///
/// Blocks: to be called on a pool's thread.
struct ShardCare: Sendable {
    let configuration: CoordinatorConfiguration
    let term: Int64
    let timeoutMilliseconds: Int

    /// A worker keeps the copy of an aborted move so long (`HandoffLimits.warmMax`).
    private static let warmMilliseconds = Int64(HandoffLimits().warmMax / 1_000_000)

    /// Returns what there is to tell.
    func settle(
        mayRelease: Bool, sinceStart: Duration, isRebalancing: Bool, _ standbys: inout StandbyKeeper,
        _ connection: PostgresConnection
    ) throws -> [String] {
        var news: [String] = []
        if mayRelease {
            switch try OwnershipQueries.releaseDeadWorkers(
                term: term, on: connection, timeoutMilliseconds: timeoutMilliseconds)
            {
            case .released(let instances, let shards):
                if !instances.isEmpty { news.append("workers \(instances) have died; \(shards.count) shards are free") }
            case .fencesEnded(let sessions):
                news.append("dead workers hold locks on their shards; \(sessions) sessions were ended")
            case .termLost: return ["the term has ended"]
            }
        }
        let weighed = try OwnershipQueries.weighedShards(on: connection, timeoutMilliseconds: timeoutMilliseconds)
        let workers = try OwnershipQueries.workers(on: connection, timeoutMilliseconds: timeoutMilliseconds).filter {
            $0.leaseMillisecondsLeft > 0
        }
        guard !workers.isEmpty else { return news }
        guard weighed.contains(where: { $0.owner == nil }) else {
            let line = try standbys.keep(
                configuration.replicas, weighed, workers, isRebalancing: isRebalancing, term, timeoutMilliseconds, connection)
            if let line { news.append(line) }
            return news
        }
        let nobodyServes = weighed.allSatisfy { $0.owner == nil }
        if nobodyServes, workers.count < configuration.expectedWorkers,
            sinceStart < .milliseconds(configuration.startGraceMilliseconds)
        {
            return news
        }
        // Standbys come in the next cycle, when everything has an owner.
        return news + [try giveOut(weighed, workers, connection)]
    }

    private func giveOut(
        _ weighed: [WeighedShard], _ workers: [RegisteredWorker], _ connection: PostgresConnection
    ) throws -> String {
        // A shard that nobody serves is worse than one on a cordoned or draining worker: those are the last choice.
        let open = workers.filter { $0.standing == .open }
        let candidates = open.isEmpty ? workers : open
        let instances = Set(candidates.map(\.instance))
        let warm = try warmCopies(of: weighed.filter { $0.owner == nil }, among: instances, connection)
        let assignments = ShardPlacement.assign(
            weighed.filter { $0.owner.map(instances.contains) ?? true }
                .map { .init(id: $0.shard, owner: $0.owner, weight: $0.affiliates) },
            to: candidates.map { .init(instance: $0.instance, capacity: $0.registration.capacity) }, preferred: warm)
        let outcome = try OwnershipQueries.assign(
            assignments.map { ShardAssignment(shard: $0.shard, instance: $0.worker) }, term: term, on: connection,
            timeoutMilliseconds: timeoutMilliseconds)
        switch outcome {
        case .assigned(let version):
            let count = assignments.count { warm[$0.shard] == $0.worker }
            return "\(assignments.count) shards given to \(Set(assignments.map(\.worker)).count) workers, "
                + "\(count) of them where there is a warm copy; topology \(version)"
        case .termLost: return "the term has ended"
        case .instancesGone(let instances): return "workers \(instances) went away before they got their shards"
        case .notFree(let shards): return "\(shards.count) shards were not free any more"
        }
    }

    /// Who can take a free shard up at once: its standby, or the target of a move that its owner did not live to end.
    private func warmCopies(
        of free: [WeighedShard], among living: Set<WorkerInstanceID>, _ connection: PostgresConnection
    ) throws -> [ShardID: WorkerInstanceID] {
        var warm: [ShardID: WorkerInstanceID] = [:]
        for shard in free { if let standby = shard.standby, living.contains(standby) { warm[shard.shard] = standby } }
        let rest = free.map(\.shard).filter { warm[$0] == nil }
        guard !rest.isEmpty else { return warm }
        let moves = try StandbyQueries.lastAborted(
            withinMilliseconds: Self.warmMilliseconds, on: connection, timeoutMilliseconds: timeoutMilliseconds
        ).map { row in
            ShardMove(
                id: MoveID(row.move), shard: row.shard, source: row.source, target: row.target, fromEpoch: row.fromEpoch,
                stage: .aborted(AbortReason(rawValue: row.reason) ?? .operator, warm: row.isWarm))
        }
        for (shard, worker) in WarmCopies.preferences(for: rest, among: living, moves: moves) { warm[shard] = worker }
        return warm
    }
}
