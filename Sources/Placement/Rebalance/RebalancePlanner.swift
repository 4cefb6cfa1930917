import Core

/// Plans a rebalance: as few moves as bring every open worker within the threshold of its fair share, and everything off draining ones.
///
/// Pure: the same state gives the same plan, in whatever order it is told.
package enum RebalancePlanner {
    /// - Throws: `RebalanceRefusal`.
    package static func plan(
        _ shards: [PlacedShard], _ workers: [PlacedWorker], limits: RebalanceLimits = RebalanceLimits()
    ) throws(RebalanceRefusal) -> RebalancePlan {
        let shards = shards.sorted { $0.id < $1.id }
        let workers = workers.sorted { $0.instance < $1.instance }
        let standing = Dictionary(uniqueKeysWithValues: workers.map { ($0.instance, $0.standing) })
        let unplaced = shards.filter { standing[$0.owner] == nil }.map(\.id)
        guard unplaced.isEmpty else { throw .unplaced(unplaced) }
        let open = workers.filter { $0.standing == .open }
        guard !open.isEmpty else { throw .nowhereToGo }

        let movable = shards.filter { standing[$0.owner] != .cordoned }
        let fair = FairShare(movable, open, threshold: limits.threshold)
        let search = search(movable, open, fair, limits)

        var owners = Dictionary(uniqueKeysWithValues: shards.map { ($0.id, $0.owner) })
        for (shard, place) in zip(movable, search.owner) { if let place { owners[shard.id] = open[place].instance } }
        let picture = Picture(shards: shards, workers: workers, open: open, movable: movable, fair: fair)
        let before = Dictionary(uniqueKeysWithValues: shards.map { ($0.id, $0.owner) })
        return RebalancePlan(
            moves: picture.moves(to: owners),
            workers: picture.workers(before, owners),
            imbalanceBefore: picture.imbalance(before), imbalanceAfter: picture.imbalance(owners),
            isWithinLimits: search.isSettled && movable.allSatisfy { standing[owners[$0.id] ?? $0.owner] == .open },
            isCutShort: search.isCutShort,
            obstacles: search.isCutShort ? [] : picture.obstacles(owners))
    }

    /// No one way to take steps is always the cheapest, so some are tried. One that brings everybody within the limits is an end for all of
    /// them, and the cheapest such is taken. If none does, the one that may take every step is: where it finds none, no other does.
    private static func search(
        _ shards: [PlacedShard], _ open: [PlacedWorker], _ fair: FairShare, _ limits: RebalanceLimits
    ) -> RebalanceSearch {
        var best: RebalanceSearch?
        var widest: RebalanceSearch?
        // Moving a giant may be the fewest moves, and carry the most.
        for keepsGiants in fair.giants.isEmpty ? [false] : [false, true] {
            for taste in [RebalanceSearch.Taste.fewest, .thrifty] {
                var search = RebalanceSearch(
                    shards, open, fair, movesMax: limits.movesMax ?? .max, keepsGiants: keepsGiants, taste: taste)
                search.run()
                if widest == nil { widest = search }
                if search.isSettled, !search.isCutShort, best.map({ search.cost < $0.cost }) ?? true { best = search }
            }
        }
        return best ?? widest ?? RebalanceSearch(shards, open, fair, movesMax: 0, keepsGiants: false, taste: .fewest)
    }

    private typealias Owners = [ShardID: WorkerInstanceID]

    /// The state of the cluster, as a plan tells of it.
    private struct Picture {
        let shards: [PlacedShard]
        let workers: [PlacedWorker]
        let open: [PlacedWorker]
        let movable: [PlacedShard]
        let fair: FairShare

        func load(_ worker: PlacedWorker, _ owners: Owners) -> Load {
            var load = Load(room: worker.share)
            for shard in shards where owners[shard.id] == worker.instance { load.add(shard, fair) }
            return load
        }

        /// Off the draining workers first, heaviest first, then the rest by shard.
        func moves(to owners: Owners) -> [RebalancePlan.Move] {
            let standing = Dictionary(uniqueKeysWithValues: workers.map { ($0.instance, $0) })
            let before = Dictionary(uniqueKeysWithValues: shards.map { ($0.id, $0.owner) })
            let moves = shards.compactMap { shard -> RebalancePlan.Move? in
                guard let to = owners[shard.id], to != shard.owner, let from = standing[shard.owner] else { return nil }
                let load = load(from, before)
                let reason: RebalancePlan.Reason =
                    from.standing == .draining ? .drain : load.excess(fair).amount > 0 ? .overload : .makeRoom
                return RebalancePlan.Move(
                    shard: shard.id, from: shard.owner, to: to, reason: reason, weight: shard.weight, affiliates: shard.affiliates
                )
            }
            let drains = moves.filter { $0.reason == .drain }
                .sorted { $0.weight != $1.weight ? $0.weight > $1.weight : $0.shard < $1.shard }
            return drains + moves.filter { $0.reason == .overload } + moves.filter { $0.reason == .makeRoom }
        }

        func workers(_ before: Owners, _ after: Owners) -> [RebalancePlan.Worker] {
            workers.map { worker in
                let load = load(worker, after)
                return RebalancePlan.Worker(
                    instance: worker.instance, standing: worker.standing, capacity: worker.capacity,
                    shardsBefore: before.values.count { $0 == worker.instance },
                    shardsAfter: after.values.count { $0 == worker.instance },
                    weightBefore: self.load(worker, before).weight, weightAfter: load.weight,
                    limit: worker.standing == .open ? load.limit(fair) : nil)
            }
        }

        private var whole: (weight: Int64, room: Int64) {
            (movable.reduce(0) { $0 + $1.cost }, open.reduce(0) { $0 + $1.share })
        }

        func imbalance(_ owners: Owners) -> Int64 {
            let (weight, room) = whole
            guard weight > 0, let peak = open.map({ load($0, owners).relative }).max() else { return 0 }
            let share = Int128(peak.amount) * Int128(room) * Int128(FairShare.whole) / (Int128(weight) * Int128(peak.room))
            return Int64(clamping: share) - FairShare.whole
        }

        /// The giants, and the heaviest shard of each worker that no step brings within its limit.
        func obstacles(_ owners: Owners) -> [RebalancePlan.Obstacle] {
            let (weight, room) = whole
            return open.flatMap { worker -> [RebalancePlan.Obstacle] in
                let fairShare = Int64(clamping: Int128(weight) * Int128(worker.share) / Int128(room))
                let held = movable.filter { owners[$0.id] == worker.instance }
                var culprits = held.filter { fair.giants[$0.id] != nil }
                if culprits.isEmpty, load(worker, owners).excess(fair).amount > 0,
                    let heaviest = held.max(by: { $0.cost != $1.cost ? $0.cost < $1.cost : $0.id > $1.id })
                {
                    culprits = [heaviest]
                }
                return culprits.map { shard in
                    RebalancePlan.Obstacle(
                        shard: shard.id, worker: worker.instance, weight: shard.weight, fairShare: fairShare,
                        isGiant: fair.giants[shard.id] != nil)
                }
            }.sorted { $0.shard < $1.shard }
        }
    }
}
