import Core
import Testing

@testable import Placement

@Suite("What every plan of a rebalance keeps")
struct RebalancePropertyTests {
    private static let seeds = 0..<300

    @Test("a plan after an apply is empty, unless the first was cut short; then plans one after the other come to an end")
    func secondPlan() throws {
        for seed in Self.seeds {
            var cluster = RandomPlacement(seed: seed)
            if let most = cluster.limits.movesMax, most == 0 { cluster.limits.movesMax = 1 }
            var rounds = 0
            var plan = try cluster.plan()
            while plan.isCutShort {
                // An exchange takes two moves.
                if plan.moves.isEmpty { cluster.limits.movesMax = 2 }
                cluster = cluster.after(plan)
                plan = try cluster.plan()
                rounds += 1
                try #require(rounds < 200, "seed \(seed) never ends")
            }
            let second = try cluster.after(plan).plan()
            #expect(second.moves.isEmpty, "seed \(seed): \(second.moves)")
            #expect(second.imbalanceBefore == plan.imbalanceAfter, "seed \(seed)")
            #expect(second.obstacles == plan.obstacles, "seed \(seed)")
        }
    }

    @Test("no plan raises the highest load of the open workers, unless it empties one that drains")
    func neverWorse() throws {
        for seed in Self.seeds {
            let cluster = RandomPlacement(seed: seed)
            let plan = try cluster.plan()
            guard !plan.moves.contains(where: { $0.reason == .drain }) else { continue }
            #expect(cluster.after(plan).peak <= cluster.peak, "seed \(seed)")
            #expect(plan.imbalanceAfter <= plan.imbalanceBefore, "seed \(seed)")
        }
    }

    @Test(
        "a plan that reaches its end has nobody on a draining worker, and moves nothing from or to a cordoned one, nor to a draining one"
    )
    func standings() throws {
        for seed in Self.seeds {
            let cluster = RandomPlacement(seed: seed)
            let plan = try cluster.plan()
            let standing = Dictionary(uniqueKeysWithValues: cluster.workers.map { ($0.instance, $0.standing) })
            for move in plan.moves { #expect(standing[move.to] == .open && standing[move.from] != .cordoned, "seed \(seed)") }
            guard !plan.isCutShort else { continue }
            for worker in plan.workers where worker.standing == .draining { #expect(worker.shardsAfter == 0, "seed \(seed)") }
        }
    }

    @Test("each shard moves once at most, from its owner to another, and no more of them than the plan may have")
    func moves() throws {
        for seed in Self.seeds {
            let cluster = RandomPlacement(seed: seed)
            let plan = try cluster.plan()
            let owners = Dictionary(uniqueKeysWithValues: cluster.shards.map { ($0.id, $0.owner) })
            #expect(Set(plan.moves.map(\.shard)).count == plan.moves.count)
            for move in plan.moves { #expect(owners[move.shard] == move.from && move.to != move.from, "seed \(seed)") }
            if let most = cluster.limits.movesMax { #expect(plan.moves.count <= most, "seed \(seed)") }
            let total = cluster.shards.reduce(0) { $0 + $1.cost }
            #expect(plan.workers.reduce(0) { $0 + $1.weightBefore } == total)
            #expect(plan.workers.reduce(0) { $0 + $1.weightAfter } == total)
        }
    }

    @Test("the same state gives the same plan, in whatever order it is told")
    func deterministic() throws {
        for seed in Self.seeds {
            let cluster = RandomPlacement(seed: seed)
            var numbers = SeededNumbers(seed: seed + 1)
            var mixed = cluster
            mixed.shards.shuffle(using: &numbers)
            mixed.workers.shuffle(using: &numbers)
            #expect(try cluster.plan() == mixed.plan(), "seed \(seed)")
        }
    }

    @Test("no plan has a move that it could do without where everybody ends within the limits")
    func noneIsNeedless() throws {
        var tried = 0
        for seed in Self.seeds {
            let cluster = RandomPlacement(seed: seed, shardsMax: 20, workersMax: 4)
            let plan = try cluster.plan()
            guard plan.isWithinLimits, !plan.isCutShort else { continue }
            for move in plan.moves where move.reason != .drain {
                var without = cluster.after(plan)
                for index in without.shards.indices where without.shards[index].id == move.shard {
                    without.shards[index].owner = move.from
                }
                #expect(try !without.plan().moves.isEmpty, "seed \(seed): \(move)")
                tried += 1
            }
        }
        #expect(tried > 100)
    }

    @Test(
        "on workers of one capacity the highest load is within the threshold, or at most 2 - 2/(m+1) times the lowest there is (G. Finn, E. Horowitz, 1979)"
    )
    func boundAgainstTheOptimum() throws {
        var exact = 0
        var tried = 0
        for seed in 0..<600 {
            var cluster = RandomPlacement(seed: seed, shardsMax: 8, workersMax: 3, isPlain: true)
            cluster.limits = RebalanceLimits(threshold: seed % 2 == 0 ? 0 : 1_000)
            let plan = try cluster.plan()
            let reached = cluster.after(plan).peak
            let lowest = cluster.lowestPeak
            let workers = Int64(cluster.workers.count)
            tried += 1
            if reached == lowest { exact += 1 }
            // reached <= (2m / (m+1)) * lowest, or nobody is above the limit.
            let isBounded = Int128(reached.amount) * Int128(workers + 1) <= Int128(lowest.amount) * Int128(2 * workers)
            #expect(isBounded || plan.isWithinLimits, "seed \(seed): \(reached.amount), lowest \(lowest.amount)")
        }
        #expect(exact * 2 > tried, "only \(exact) of \(tried) are the best there is")
    }

    @Test("four plans of five are the cheapest there are, and all together cost at most a twentieth more")
    func cheap() throws {
        var (plans, best) = (0, 0)
        var (cheapest, ours): (Int64, Int64) = (0, 0)
        for seed in 0..<600 {
            var cluster = RandomPlacement(seed: seed, shardsMax: 8, workersMax: 3, isPlain: true)
            cluster.limits = RebalanceLimits()
            let plan = try cluster.plan()
            guard plan.isWithinLimits, !plan.moves.isEmpty, let least = cluster.cheapest else { continue }
            let cost = plan.moves.reduce(0) { $0 + RandomPlacement.cost($1.affiliates) }
            cheapest += least
            ours += cost
            plans += 1
            if cost == least { best += 1 }
        }
        #expect(plans > 100 && best * 5 >= plans * 4, "\(best) of \(plans)")
        #expect(ours * 20 <= cheapest * 21, "\(ours) where \(cheapest) is enough")
    }
}
