import Core
import Testing

@testable import Placement

private func shards(_ owned: [(owner: Int64, weights: [Int64])]) -> [PlacedShard] {
    var shards: [PlacedShard] = []
    for (owner, weights) in owned {
        for weight in weights {
            shards.append(
                PlacedShard(id: ShardID(shards.count), owner: WorkerInstanceID(owner), weight: weight, affiliates: weight))
        }
    }
    return shards
}

private func worker(_ number: Int64, capacity: Int64 = 1, _ standing: WorkerStanding = .open) -> PlacedWorker {
    PlacedWorker(instance: WorkerInstanceID(number), capacity: capacity, standing: standing)
}

extension RebalancePlan {
    /// `shard: from > to (reason)`
    fileprivate var texts: [String] { moves.map { "\($0.shard): \($0.from) > \($0.to) (\($0.reason))" } }
    fileprivate var weights: [Int64] { workers.map(\.weightAfter) }
}

@Suite("Plans of a rebalance, one by one")
struct RebalanceExampleTests {
    @Test("a new worker gets what brings the others within the threshold, and no more")
    func newWorker() throws {
        let some = Array(repeating: Int64(99), count: 6)
        let plan = try RebalancePlanner.plan(shards([(1, some), (2, some)]), [worker(1), worker(2), worker(3)])
        #expect(plan.texts == ["0: 1 > 3 (overload)", "1: 1 > 3 (overload)", "6: 2 > 3 (overload)", "7: 2 > 3 (overload)"])
        #expect(plan.weights == [400, 400, 400] && plan.imbalanceBefore == 5_000 && plan.imbalanceAfter == 0)
        #expect(plan.isWithinLimits && plan.obstacles.isEmpty)
    }

    @Test("within the threshold nothing moves; a tighter one moves the lightest shard that is enough")
    func threshold() throws {
        let all = shards([(1, [50, 30, 15, 9, 4]), (2, [60, 31])])
        #expect(try RebalancePlanner.plan(all, [worker(1), worker(2)]).moves.isEmpty)
        let tight = try RebalancePlanner.plan(all, [worker(1), worker(2)], limits: RebalanceLimits(threshold: 500))
        #expect(tight.texts == ["4: 1 > 2 (overload)"])
    }

    @Test("a draining worker is emptied, heaviest shard first, and who gets too much makes room")
    func drain() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, [40, 20]), (2, [40, 20]), (3, [10, 50, 0])]), [worker(1), worker(2), worker(3, .draining)])
        #expect(plan.texts == ["5: 3 > 1 (drain)", "4: 3 > 2 (drain)", "6: 3 > 2 (drain)", "1: 1 > 2 (makeRoom)"])
        #expect(plan.weights == [92, 95, 0] && plan.isWithinLimits)
        #expect(plan.workers[2].shardsAfter == 0 && plan.workers[2].limit == nil)
    }

    @Test("a cordoned worker is left as it is, and the others are balanced among themselves")
    func cordon() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, [99, 99, 99, 99]), (2, []), (3, [9])]), [worker(1), worker(2), worker(3, .cordoned)])
        #expect(plan.weights == [200, 200, 10] && plan.imbalanceAfter == 0)
        let heavy = try RebalancePlanner.plan(
            shards([(1, [9]), (2, [9]), (3, [999])]), [worker(1), worker(2), worker(3, .cordoned)])
        #expect(heavy.moves.isEmpty && heavy.isWithinLimits)
    }

    @Test("where no single move helps, two shards are exchanged")
    func exchange() throws {
        let plan = try RebalancePlanner.plan(shards([(1, [89, 69]), (2, [59, 59])]), [worker(1), worker(2)])
        #expect(plan.texts == ["1: 1 > 2 (overload)", "2: 2 > 1 (makeRoom)"])
        #expect(plan.weights == [150, 130])
    }

    @Test("a worker of threefold capacity carries three times as much")
    func capacity() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, Array(repeating: 9, count: 20)), (2, Array(repeating: 9, count: 20))]),
            [worker(1), worker(2, capacity: 3)])
        #expect(plan.isWithinLimits && plan.weights == [110, 290])
    }

    @Test("of two shards that would do, the one with fewer affiliates to load moves")
    func cost() throws {
        var all = shards([(1, [50, 50, 50]), (2, [20])])
        all[0].affiliates = 900
        all[1].affiliates = 100
        all[2].affiliates = 500
        #expect(try RebalancePlanner.plan(all, [worker(1), worker(2)]).texts == ["1: 1 > 2 (overload)"])
    }

    @Test("a giant shard is named as what moving cannot help; its worker keeps it alone, and the others are balanced")
    func giant() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, [899_999, 49_999, 49_999]), (2, [49_999, 49_999]), (3, [])]), [worker(1), worker(2), worker(3)])
        #expect(plan.obstacles.map(\.shard) == [ShardID(0)])
        #expect(plan.obstacles.first?.isGiant == true && plan.obstacles.first?.worker == WorkerInstanceID(1))
        #expect(plan.obstacles.first?.fairShare == 366_666)
        #expect(plan.weights == [900_000, 100_000, 100_000] && plan.isWithinLimits)
        #expect(plan.imbalanceAfter > 10_000)
    }

    @Test("a giant on a small worker goes to the one large enough, where there is one")
    func giantAtHome() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, [999]), (2, [9, 9, 9, 9])]), [worker(1), worker(2, capacity: 4)])
        #expect(plan.moves.contains { $0.shard == ShardID(0) && $0.to == WorkerInstanceID(2) })
        #expect(plan.weights == [30, 1_010] && plan.isWithinLimits)
    }

    @Test("shards too coarse to be balanced are named, though none is a giant")
    func coarse() throws {
        let plan = try RebalancePlanner.plan(shards([(1, [9, 9]), (2, [9])]), [worker(1), worker(2)])
        #expect(plan.moves.isEmpty && !plan.isWithinLimits)
        #expect(plan.obstacles.map { "\($0.shard) \($0.isGiant)" } == ["0 false"])
    }

    @Test("a plan of so many moves at most says that more would help")
    func cutShort() throws {
        let all = shards([(1, Array(repeating: 9, count: 8)), (2, [])])
        let plan = try RebalancePlanner.plan(all, [worker(1), worker(2)], limits: RebalanceLimits(movesMax: 2))
        #expect(plan.moves.count == 2 && plan.isCutShort && !plan.isWithinLimits && plan.obstacles.isEmpty)
        let draining = try RebalancePlanner.plan(all, [worker(1, .draining), worker(2)], limits: RebalanceLimits(movesMax: 2))
        #expect(draining.moves.count == 2 && draining.isCutShort && !draining.isWithinLimits)
    }

    @Test("there is no plan without an open worker, nor while shards wait for an owner")
    func refusals() {
        #expect(throws: RebalanceRefusal.nowhereToGo) {
            try RebalancePlanner.plan(shards([(1, [1])]), [worker(1, .draining), worker(2, .cordoned)])
        }
        #expect(throws: RebalanceRefusal.unplaced([ShardID(1)])) {
            try RebalancePlanner.plan(shards([(1, [1]), (7, [1])]), [worker(1)])
        }
    }

    @Test("weights and capacities at the edge of Int64 are planned without overflow")
    func extremes() throws {
        let plan = try RebalancePlanner.plan(
            shards([(1, [.max, .max, -7, 0]), (2, [])]), [worker(1, capacity: .max), worker(2, capacity: -1)])
        #expect(plan.moves.count <= 4)
    }
}
