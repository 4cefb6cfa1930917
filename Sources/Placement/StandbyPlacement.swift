import Core

/// Decides which worker keeps a warm copy of which shard. Pure: the same state gives the same answer, in whatever order it is told.
///
/// A worker's *score* for a shard is what it would carry for its capacity: what it owns, what it stands by for, and once more what it stands by for
/// the same owner, so that the shards of one worker that dies are spread over all others.
package enum StandbyPlacement {
    /// A shard as the placement of standbys sees it.
    package struct Shard: Sendable, Equatable {
        package var id: ShardID
        package var owner: WorkerInstanceID?
        package var standby: WorkerInstanceID?
        /// What its memory costs.
        package var weight: Int64

        package init(id: ShardID, owner: WorkerInstanceID?, standby: WorkerInstanceID?, weight: Int64) {
            self.id = id
            self.owner = owner
            self.standby = standby
            self.weight = weight
        }

        fileprivate var cost: Int128 { Int128(min(max(0, weight), PlacedShard.weightMax) + 1) }
    }

    /// Another standby for a shard; nil: none.
    package struct Change: Sendable, Equatable {
        package let shard: ShardID
        package let standby: WorkerInstanceID?
    }

    /// A standby goes to another worker only where its score is at most this part of what it is: 4/5. A copy that moves is cold for a while.
    private static let worthwhile: (Int128, Int128) = (4, 5)

    /// What has to change.
    ///
    /// A standby is never the owner, and an open worker; if there is no open one, any. One that is neither, or gone, is replaced; shards that nobody owns keep theirs. Then, with
    /// `stepsMax` above 0, standbys move from loaded workers to less loaded ones, so many in one call at most. Each such step lowers the sum of the
    /// squares of what is carried, so calls that follow each other come to an end.
    package static func changes(_ shards: [Shard], _ workers: [PlacedWorker], stepsMax: Int) -> [Change] {
        let isAnyOpen = workers.contains { $0.standing == .open }
        let candidates = workers.filter { !isAnyOpen || $0.standing == .open }.sorted { $0.instance < $1.instance }
        var scores = Scores(candidates)
        let heaviestFirst = shards.sorted { $0.cost != $1.cost ? $0.cost > $1.cost : $0.id < $1.id }
        var standbys: [ShardID: WorkerInstanceID] = [:]
        for shard in heaviestFirst {
            if let owner = shard.owner { scores.own(owner, shard.cost) }
            guard let standby = shard.standby, standby != shard.owner, scores.knows(standby) else { continue }
            standbys[shard.id] = standby
            scores.follow(standby, of: shard.owner, shard.cost)
        }
        for shard in heaviestFirst {
            guard let owner = shard.owner, standbys[shard.id] == nil, let best = scores.best(for: owner, shard.cost) else {
                continue
            }
            standbys[shard.id] = best
            scores.follow(best, of: owner, shard.cost)
        }
        var steps = 0
        for shard in heaviestFirst where steps < stepsMax {
            guard let owner = shard.owner, let standby = standbys[shard.id], standby == shard.standby else { continue }
            scores.follow(standby, of: owner, -shard.cost)
            var chosen = standby
            if let best = scores.best(for: owner, shard.cost), best != standby,
                scores.isWorthwhile(best, than: standby, for: owner, shard.cost)
            {
                chosen = best
                steps += 1
            }
            standbys[shard.id] = chosen
            scores.follow(chosen, of: owner, shard.cost)
        }
        return shards.sorted { $0.id < $1.id }.compactMap { shard in
            standbys[shard.id] == shard.standby ? nil : Change(shard: shard.id, standby: standbys[shard.id])
        }
    }

    /// What each candidate carries.
    private struct Scores {
        private struct Pair: Hashable {
            let owner: WorkerInstanceID
            let standby: WorkerInstanceID
        }

        private let candidates: [PlacedWorker]
        private let capacities: [WorkerInstanceID: Int128]
        private var carried: [WorkerInstanceID: Int128]
        private var followed: [Pair: Int128] = [:]

        init(_ candidates: [PlacedWorker]) {
            self.candidates = candidates
            capacities = Dictionary(uniqueKeysWithValues: candidates.map { ($0.instance, Int128($0.share)) })
            carried = Dictionary(uniqueKeysWithValues: candidates.map { ($0.instance, 0) })
        }

        func knows(_ instance: WorkerInstanceID) -> Bool { capacities[instance] != nil }

        mutating func own(_ instance: WorkerInstanceID, _ cost: Int128) { carried[instance]? += cost }

        mutating func follow(_ instance: WorkerInstanceID, of owner: WorkerInstanceID?, _ cost: Int128) {
            carried[instance]? += cost
            if let owner { followed[Pair(owner: owner, standby: instance), default: 0] += cost }
        }

        /// The one with the least score that is not the owner; ties go to the smaller number.
        func best(for owner: WorkerInstanceID, _ cost: Int128) -> WorkerInstanceID? {
            var best: WorkerInstanceID?
            for candidate in candidates where candidate.instance != owner {
                guard let known = best else {
                    best = candidate.instance
                    continue
                }
                if isLess(candidate.instance, known, owner, cost) { best = candidate.instance }
            }
            return best
        }

        func isWorthwhile(_ a: WorkerInstanceID, than b: WorkerInstanceID, for owner: WorkerInstanceID, _ cost: Int128) -> Bool {
            let (ofA, ofB) = crossed(a, b, owner, cost)
            return ofA * worthwhile.1 <= ofB * worthwhile.0
        }

        private func isLess(_ a: WorkerInstanceID, _ b: WorkerInstanceID, _ owner: WorkerInstanceID, _ cost: Int128) -> Bool {
            let (ofA, ofB) = crossed(a, b, owner, cost)
            return ofA < ofB
        }

        /// Both scores with the shard, by cross multiplication, without rounding.
        private func crossed(
            _ a: WorkerInstanceID, _ b: WorkerInstanceID, _ owner: WorkerInstanceID, _ cost: Int128
        ) -> (Int128, Int128) {
            (load(a, owner, cost) * (capacities[b] ?? 1), load(b, owner, cost) * (capacities[a] ?? 1))
        }

        private func load(_ instance: WorkerInstanceID, _ owner: WorkerInstanceID, _ cost: Int128) -> Int128 {
            (carried[instance] ?? 0) + (followed[Pair(owner: owner, standby: instance)] ?? 0) + cost
        }
    }
}
