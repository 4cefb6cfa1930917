import Core
import Testing

@testable import Placement

private func shards(_ weights: [Int64], owner: (Int) -> Int64? = { _ in nil }) -> [ShardPlacement.Shard] {
    weights.enumerated().map { at, weight in
        .init(id: ShardID(at), owner: owner(at).map { WorkerInstanceID($0) }, weight: weight)
    }
}

private func workers(_ capacities: [Int64]) -> [ShardPlacement.Worker] {
    capacities.enumerated().map { .init(instance: WorkerInstanceID(Int64($0 + 1)), capacity: $1) }
}

@Suite("Which worker gets which shard")
struct ShardPlacementTests {
    @Test("without workers nothing is assigned")
    func noWorkers() { #expect(ShardPlacement.assign(shards([1, 2]), to: []).isEmpty) }

    @Test("empty shards are spread evenly")
    func emptyShards() {
        let assignments = ShardPlacement.assign(shards(Array(repeating: 0, count: 256)), to: workers([1, 1, 1, 1]))
        for instance in 1...4 { #expect(assignments.count { $0.worker.rawValue == instance } == 64) }
    }

    @Test("the heaviest shard and the rest balance, and every free shard is assigned once")
    func balance() {
        let assignments = ShardPlacement.assign(shards([100, 10, 30, 60]), to: workers([1, 1]))
        #expect(Set(assignments.map(\.shard)).count == 4)
        var loads: [Int64: Int64] = [:]
        for (shard, worker) in assignments { loads[worker.rawValue, default: 0] += [100, 10, 30, 60][Int(shard.rawValue)] }
        #expect(loads == [1: 100, 2: 100])
    }

    @Test("what a living worker owns stays, what a dead one owned is free")
    func livingOwners() {
        let all = shards([5, 5, 5, 5]) { $0 == 0 ? 1 : $0 == 1 ? 9 : nil }
        let assignments = ShardPlacement.assign(all, to: workers([1, 1]))
        #expect(Set(assignments.map(\.shard.rawValue)) == [1, 2, 3])
        #expect(assignments.count { $0.worker.rawValue == 2 } == 2)
    }

    @Test("a worker of threefold capacity takes three quarters")
    func capacity() {
        let assignments = ShardPlacement.assign(shards(Array(repeating: 7, count: 100)), to: workers([3, 1]))
        #expect(assignments.count { $0.worker.rawValue == 1 } == 75)
    }

    @Test("a free shard goes to the living worker that is preferred for it, and the rest is weighed with that")
    func preferred() {
        let preferred = [ShardID(0): WorkerInstanceID(2), ShardID(1): WorkerInstanceID(9), ShardID(3): WorkerInstanceID(2)]
        let all = shards([50, 5, 5, 5]) { $0 == 3 ? 1 : nil }
        let assignments = ShardPlacement.assign(all, to: workers([1, 1]), preferred: preferred)
        // 3 has an owner, and 9 is not there.
        #expect(assignments.map { [Int($0.shard.rawValue), Int($0.worker.rawValue)] } == [[0, 2], [1, 1], [2, 1]])
    }

    @Test("weights and capacities at the edge of Int64 are compared without overflow, negative ones count as nothing")
    func extremes() {
        let assignments = ShardPlacement.assign(
            shards([Int64.max / 4, Int64.max / 4, -5, 0]), to: workers([.max, .max, 0, -3]))
        #expect(assignments.count == 4)
    }

    @Test("the same state gives the same answer, whatever the order in which it is told")
    func deterministic() {
        let all = shards((0..<256).map { Int64($0 * 7919 % 1009) })
        let some = workers([1, 2, 3])
        let first = ShardPlacement.assign(all, to: some).map { "\($0)" }
        let second = ShardPlacement.assign(all.reversed(), to: some.reversed()).map { "\($0)" }
        #expect(first == second)
    }
}
