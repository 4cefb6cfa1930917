import Core

@testable import Placement

/// Numbers that are the same with every run (SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A cluster made up from a seed.
struct RandomPlacement {
    var shards: [PlacedShard]
    var workers: [PlacedWorker]
    var limits: RebalanceLimits

    /// Skewed weights, sometimes a giant, unequal capacities, now and then somebody cordoned or draining; at least one worker is open.
    init(seed: Int, shardsMax: Int = 40, workersMax: Int = 8, isPlain: Bool = false) {
        var numbers = SeededNumbers(seed: seed)
        let workerCount = Int.random(in: 1...workersMax, using: &numbers)
        let hasCapacities = !isPlain && Bool.random(using: &numbers)
        workers = (1...workerCount).map { number in
            let standing: WorkerStanding
            switch isPlain || number == 1 ? 9 : Int.random(in: 0..<10, using: &numbers) {
            case 0: standing = .draining
            case 1: standing = .cordoned
            default: standing = .open
            }
            return PlacedWorker(
                instance: WorkerInstanceID(Int64(number)),
                capacity: hasCapacities ? Int64.random(in: 1...4, using: &numbers) : 1, standing: standing)
        }
        let scale = [1, 10, 1_000, 1_000_000].randomElement(using: &numbers) ?? 1
        let hasGiant = Int.random(in: 0..<4, using: &numbers) == 0
        let places = workers.count
        shards = (0..<Int.random(in: 1...shardsMax, using: &numbers)).map { number in
            var weight = Int64.random(in: 0...Int64(scale), using: &numbers)
            if Int.random(in: 0..<6, using: &numbers) == 0 { weight *= 8 }
            if hasGiant && number == 0 { weight = Int64(scale * shardsMax) }
            // Some clusters have all on few workers.
            let owner = min(Int.random(in: 0..<places, using: &numbers), Int.random(in: 0..<places, using: &numbers))
            let carried = Int.random(in: 0..<3, using: &numbers) == 0 ? Int64.random(in: 0...100_000, using: &numbers) : weight
            return PlacedShard(
                id: ShardID(number), owner: WorkerInstanceID(Int64(owner + 1)), weight: weight, affiliates: carried)
        }
        limits = RebalanceLimits(
            threshold: [0, 200, 1_000, 5_000].randomElement(using: &numbers) ?? 1_000,
            movesMax: Int.random(in: 0..<4, using: &numbers) == 0 ? Int.random(in: 0...6, using: &numbers) : nil)
    }

    func plan() throws -> RebalancePlan { try RebalancePlanner.plan(shards, workers, limits: limits) }

    /// The cluster after exactly these moves.
    func after(_ plan: RebalancePlan) -> RandomPlacement {
        var copy = self
        let targets = Dictionary(uniqueKeysWithValues: plan.moves.map { ($0.shard, $0.to) })
        for index in copy.shards.indices { if let to = targets[copy.shards[index].id] { copy.shards[index].owner = to } }
        return copy
    }

    /// The highest load of an open worker, for its capacity.
    var peak: Relative {
        workers.filter { $0.standing == .open }.map { worker in
            Relative(amount: shards.filter { $0.owner == worker.instance }.reduce(0) { $0 + $1.cost }, room: worker.share)
        }.max() ?? Relative(amount: 0, room: 1)
    }

    /// The lowest peak of all placements on the open workers, by trying them all.
    var lowestPeak: Relative {
        let open = workers.filter { $0.standing == .open }
        var best = Relative(amount: .max, room: 1)
        var loads = [Int64](repeating: 0, count: open.count)
        func place(_ index: Int) {
            if index == shards.count {
                best = min(best, zip(loads, open).map { Relative(amount: $0, room: $1.share) }.max() ?? best)
                return
            }
            for worker in open.indices {
                loads[worker] += shards[index].cost
                place(index + 1)
                loads[worker] -= shards[index].cost
            }
        }
        place(0)
        return best
    }

    /// What the cheapest moves cost that bring every open worker within its limit, by trying all placements; nil if none does.
    var cheapest: Int64? {
        let open = workers.filter { $0.standing == .open }
        let fair = FairShare(shards, open, threshold: limits.threshold)
        var loads = open.map { Load(room: $0.share) }
        var best: Int64?
        func place(_ index: Int, _ cost: Int64) {
            if let best, cost >= best { return }
            if index == shards.count {
                if loads.allSatisfy({ $0.excess(fair).amount == 0 }) { best = cost }
                return
            }
            for (number, worker) in open.enumerated() {
                loads[number].add(shards[index], fair)
                place(index + 1, worker.instance == shards[index].owner ? cost : cost + Self.cost(shards[index].affiliates))
                loads[number].remove(shards[index], fair)
            }
        }
        place(0, 0)
        return best
    }

    static func cost(_ affiliates: Int64) -> Int64 { affiliates + RebalanceSearch.handOffAffiliates }
}
