import Core

/// The search for a better placement: from one state to the next, one move or one exchange at a time, until none helps.
///
/// What the next step is follows from the state alone, never from the steps before it. So a search that begins where another ended finds
/// nothing to do: a plan after an apply is empty.
///
/// A step takes from a worker above its limit, and is taken only if of the two workers that it touches
/// - the one further above its limit (for its capacity) comes closer to it, and the other does not get as far above;
/// - the higher load (for its capacity) does not rise.
/// The first makes the list of all excesses, largest first, smaller with every step: the search ends, and no worker ends worse than the worst was.
struct RebalanceSearch {
    /// Which of the steps that help is taken.
    enum Taste {
        /// The one that brings its worker closest to the limit.
        case fewest
        /// The one that carries the fewest affiliates for what it takes off the excess.
        case thrifty
    }

    private let shards: [PlacedShard]
    private let workers: [PlacedWorker]
    private let fair: FairShare
    private let movesMax: Int
    /// Whether a worker's heaviest giant stays where it is at home, so that it is the others that go.
    private let keepsGiants: Bool
    private let taste: Taste
    /// By shard: where it was, and is now, as a place in `workers`. Nil: on a draining worker.
    private let origin: [Int?]
    private(set) var owner: [Int?]
    private var loads: [Load]
    /// Whether the search stopped at a limit rather than for want of a step.
    private(set) var isCutShort = false

    /// More steps than any search takes that this was tried with, by far.
    private static let stepsMax = 4_096

    /// - Parameters:
    ///   - shards: those of open and draining workers, by number.
    ///   - workers: the open ones, by number; at least one.
    init(_ shards: [PlacedShard], _ workers: [PlacedWorker], _ fair: FairShare, movesMax: Int, keepsGiants: Bool, taste: Taste) {
        self.shards = shards
        self.workers = workers
        self.fair = fair
        self.movesMax = movesMax
        self.keepsGiants = keepsGiants
        self.taste = taste
        let places = Dictionary(uniqueKeysWithValues: workers.enumerated().map { ($1.instance, $0) })
        origin = shards.map { places[$0.owner] }
        owner = origin
        loads = workers.map { Load(room: $0.share) }
        for (index, shard) in shards.enumerated() { if let at = owner[index] { loads[at].add(shard, fair) } }
    }

    var moved: Int { zip(origin, owner).count { $0 != $1 } }
    var cost: Int64 { shards.indices.reduce(0) { origin[$1] == owner[$1] ? $0 : $0 + price($1) } }
    private func price(_ index: Int) -> Int64 { shards[index].carried + Self.handOffAffiliates }
    /// What a hand-off costs beside the affiliates that it carries, as that many: some 20 ms of loading.
    static let handOffAffiliates: Int64 = 10_000
    var isSettled: Bool { loads.allSatisfy { $0.excess(fair).amount == 0 } }

    mutating func run() {
        evacuate()
        guard !isCutShort else { return }
        for _ in 0..<Self.stepsMax {
            guard let step = nextStep() else { return prune() }
            let before = self
            for (index, place) in step { put(index, on: place) }
            if moved > movesMax {
                self = before
                isCutShort = true
                return
            }
        }
        isCutShort = true
    }

    /// Everything leaves the draining workers, as it would if they had died.
    private mutating func evacuate() {
        let places = Dictionary(uniqueKeysWithValues: workers.enumerated().map { ($1.instance, $0) })
        let numbers = Dictionary(uniqueKeysWithValues: shards.enumerated().map { ($1.id, $0) })
        let placed = ShardPlacement.assign(
            shards.enumerated().map { index, shard in
                .init(id: shard.id, owner: owner[index].map { workers[$0].instance }, weight: shard.cost - 1)
            },
            to: workers.map { .init(instance: $0.instance, capacity: $0.share) })
        for (shard, worker) in placed {
            guard moved < movesMax else {
                isCutShort = true
                return
            }
            if let index = numbers[shard], let place = places[worker] { put(index, on: place) }
        }
    }

    private mutating func put(_ index: Int, on place: Int) {
        if let old = owner[index] { loads[old].remove(shards[index], fair) }
        owner[index] = place
        loads[place].add(shards[index], fair)
    }

    // MARK: Steps

    private typealias Step = [(shard: Int, place: Int)]

    /// How good a step is: less is better.
    private struct Merit {
        /// The larger excess of the two workers afterwards.
        let excess: Relative
        /// What the step costs, in affiliates.
        let cost: Int64
        /// What it takes off the worker's excess.
        let relief: Int64
        /// The higher load of the two workers afterwards.
        let peak: Relative

        func isBetter(than other: Self, _ taste: Taste) -> Bool {
            if taste == .thrifty {
                let (ours, theirs) = (Int128(cost) * Int128(other.relief), Int128(other.cost) * Int128(relief))
                if ours != theirs { return ours < theirs }
            }
            if excess != other.excess { return excess < other.excess }
            if cost != other.cost { return cost < other.cost }
            return peak < other.peak
        }
    }

    /// The best move away from the worker that is furthest above its limit; if none helps it, from the next. If no move helps anybody, the best
    /// exchange in the same way. Ties go to the smaller shard and the smaller worker.
    private func nextStep() -> Step? {
        let over = loads.indices.filter { loads[$0].excess(fair).amount > 0 }
            .sorted { a, b in
                let (x, y) = (loads[a].excess(fair), loads[b].excess(fair))
                return x == y ? a < b : x > y
            }
        guard !over.isEmpty else { return nil }
        var held = loads.map { _ in [Int]() }
        for (index, place) in owner.enumerated() { if let place { held[place].append(index) } }
        for source in over { if let step = bestMove(from: source, held) { return step } }
        for source in over { if let step = bestExchange(from: source, held) { return step } }
        return nil
    }

    private func bestMove(from source: Int, _ held: [[Int]]) -> Step? {
        var best: (merit: Merit, step: Step)?
        for index in held[source] where !isAnchored(index, source) {
            for target in loads.indices where target != source {
                consider(source, target, giving: index, taking: nil, &best)
            }
        }
        return best?.step
    }

    private func bestExchange(from source: Int, _ held: [[Int]]) -> Step? {
        var best: (merit: Merit, step: Step)?
        for index in held[source] where !isAnchored(index, source) {
            for target in loads.indices where target != source {
                for other in held[target] where shards[other].cost < shards[index].cost {
                    consider(source, target, giving: index, taking: other, &best)
                }
            }
        }
        return best?.step
    }

    private func isAnchored(_ index: Int, _ place: Int) -> Bool {
        keepsGiants && loads[place].giants.first?.id == shards[index].id
    }

    private func consider(
        _ source: Int, _ target: Int, giving index: Int, taking other: Int?, _ best: inout (merit: Merit, step: Step)?
    ) {
        let (a, b) = (loads[source], loads[target])
        var (left, right) = (a, b)
        left.remove(shards[index], fair)
        right.add(shards[index], fair)
        if let other {
            right.remove(shards[other], fair)
            left.add(shards[other], fair)
        }
        let excess = max(left.excess(fair), right.excess(fair))
        let peak = max(left.relative, right.relative)
        guard excess < max(a.excess(fair), b.excess(fair)), peak <= max(a.relative, b.relative) else { return }
        let cost = price(index) + (other.map(price) ?? 0)
        let relief = min(a.weight - left.weight, a.excess(fair).amount)
        let merit = Merit(excess: excess, cost: cost, relief: relief, peak: peak)
        guard best.map({ merit.isBetter(than: $0.merit, taste) }) ?? true else { return }
        best = (merit, [(index, target)] + (other.map { [($0, source)] } ?? []))
    }

    // MARK: Fewer moves

    /// Takes back moves that later ones have made needless, costliest first. Only where everybody ends within the limits, so that there is no
    /// next step from here either.
    private mutating func prune() {
        guard isSettled else { return }
        let candidates = shards.indices.filter { origin[$0] != nil && origin[$0] != owner[$0] }
            .sorted { a, b in
                let (x, y) = (shards[a], shards[b])
                return x.affiliates != y.affiliates ? x.affiliates > y.affiliates : x.id < y.id
            }
        for index in candidates {
            guard let home = origin[index], let place = owner[index] else { continue }
            put(index, on: home)
            if !isSettled { put(index, on: place) }
        }
    }
}
