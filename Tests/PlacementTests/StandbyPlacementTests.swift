import Core
import Testing

@testable import Placement

@Suite("Which worker stands by for which shard")
struct StandbyPlacementTests {
    private typealias Shard = StandbyPlacement.Shard

    private func worker(_ number: Int, capacity: Int64 = 1, _ standing: WorkerStanding = .open) -> PlacedWorker {
        PlacedWorker(instance: WorkerInstanceID(Int64(number)), capacity: capacity, standing: standing)
    }

    /// Shards of these weights, in turn owned by the workers 1 to `owners`.
    private func shards(_ weights: [Int64], owners: Int, standby: Int? = nil) -> [Shard] {
        weights.enumerated().map { at, weight in
            Shard(
                id: ShardID(at), owner: WorkerInstanceID(Int64(at % owners + 1)),
                standby: standby.map { WorkerInstanceID(Int64($0)) }, weight: weight)
        }
    }

    private func applied(_ changes: [StandbyPlacement.Change], to shards: [Shard]) -> [Shard] {
        var shards = shards
        for change in changes {
            for at in shards.indices where shards[at].id == change.shard { shards[at].standby = change.standby }
        }
        return shards
    }

    /// Calls until nothing changes, and says how often that was.
    private func settled(_ shards: [Shard], _ workers: [PlacedWorker], stepsMax: Int = 16) -> (shards: [Shard], calls: Int) {
        var shards = shards
        for call in 0..<200 {
            let changes = StandbyPlacement.changes(shards, workers, stepsMax: stepsMax)
            if changes.isEmpty { return (shards, call) }
            shards = applied(changes, to: shards)
        }
        return (shards, 200)
    }

    @Test("one worker alone stands by for nothing, and without workers nobody does")
    func alone() {
        let own = shards([1, 2], owners: 1)
        #expect(StandbyPlacement.changes(own, [worker(1)], stepsMax: 9).isEmpty)
        #expect(StandbyPlacement.changes(own, [], stepsMax: 9).isEmpty)
        #expect(StandbyPlacement.changes(shards([1], owners: 1, standby: 2), [worker(1)], stepsMax: 9).map(\.standby) == [nil])
    }

    @Test("the shards of one worker are spread over all others, and what they carry is even")
    func spread() {
        let placed = settled(shards(Array(repeating: 9, count: 240), owners: 4), (1...4).map { worker($0) })
        #expect(placed.calls == 1)
        for owner in 1...4 {
            for standby in 1...4 where standby != owner {
                let count = placed.shards.count { $0.owner?.rawValue == Int64(owner) && $0.standby?.rawValue == Int64(standby) }
                #expect((19...21).contains(count))
            }
        }
    }

    @Test("standbys stay where they are while their workers live and are open")
    func stable() {
        let workers = (1...3).map { worker($0) }
        let (placed, _) = settled(shards((0..<90).map { Int64($0 * 37 % 101) }, owners: 3), workers)
        #expect(StandbyPlacement.changes(placed, workers, stepsMax: 90).isEmpty)
        // Somebody dies: only what stood by there, and what it owned, is touched.
        var later = placed
        for at in later.indices where later[at].owner?.rawValue == 3 { later[at].owner = nil }
        let changes = StandbyPlacement.changes(later, [worker(1), worker(2)], stepsMax: 0)
        let touched = Set(changes.map(\.shard))
        #expect(touched == Set(placed.filter { $0.standby?.rawValue == 3 }.map(\.id)))
        #expect(changes.allSatisfy { $0.standby != nil })
    }

    @Test("a cordoned or draining worker stands by for nothing while there is an open one")
    func standings() {
        let own = shards([5, 5, 5, 5], owners: 2, standby: 3)
        let workers = [worker(1), worker(2), worker(3, .draining), worker(4, .cordoned)]
        let (placed, _) = settled(own, workers)
        #expect(placed.allSatisfy { $0.standby?.rawValue == ($0.owner?.rawValue == 1 ? 2 : 1) })
        let closed = [worker(1, .cordoned), worker(2, .draining)]
        #expect(settled(shards([5, 5], owners: 2), closed).shards.map { $0.standby?.rawValue } == [2, 1])
    }

    @Test("a worker that comes later gets its part, a few standbys at a time")
    func newcomer() {
        let two = settled(shards(Array(repeating: 9, count: 120), owners: 2), [worker(1), worker(2)]).shards
        let three = (1...3).map { worker($0) }
        #expect(StandbyPlacement.changes(two, three, stepsMax: 0).isEmpty)
        #expect(StandbyPlacement.changes(two, three, stepsMax: 8).count == 8)
        let (placed, calls) = settled(two, three, stepsMax: 8)
        #expect(calls < 20)
        #expect(placed.count { $0.standby?.rawValue == 3 } > 60)
    }

    @Test("a worker of threefold capacity stands by for more")
    func capacity() {
        let workers = [worker(1), worker(2, capacity: 3), worker(3)]
        let (placed, _) = settled(shards(Array(repeating: 9, count: 120), owners: 3), workers)
        let counts = (1...3).map { number in placed.count { $0.standby?.rawValue == Int64(number) } }
        #expect(counts[1] > counts[0] && counts[1] > counts[2])
    }

    @Test(
        "in any cluster calls come to an end, no owner stands by for itself, and every shard that can has a standby",
        arguments: 0..<60)
    func anyCluster(seed: Int) {
        let random = RandomPlacement(seed: seed)
        var numbers = SeededNumbers(seed: seed + 1_000)
        let own = random.shards.map { shard in
            Shard(
                id: shard.id, owner: Int.random(in: 0..<9, using: &numbers) == 0 ? nil : shard.owner,
                standby: Bool.random(using: &numbers) ? WorkerInstanceID(Int64.random(in: 1...10, using: &numbers)) : nil,
                weight: shard.weight)
        }
        let (placed, calls) = settled(own, random.workers)
        #expect(calls < 200)
        let open = Set(random.workers.filter { $0.standing == .open }.map(\.instance))
        for shard in placed {
            if let standby = shard.standby { #expect(standby != shard.owner && open.contains(standby)) }
            if let owner = shard.owner, open.contains(where: { $0 != owner }) { #expect(shard.standby != nil) }
        }
        #expect(
            StandbyPlacement.changes(own.shuffled(using: &numbers), random.workers.shuffled(using: &numbers), stepsMax: 7)
                == StandbyPlacement.changes(own, random.workers, stepsMax: 7))
    }

    @Test("weights and capacities at the edge of Int64 are compared without overflow")
    func extremes() {
        let workers = [worker(1, capacity: .max), worker(2, capacity: .max), worker(3, capacity: -4)]
        let changes = StandbyPlacement.changes(shards([.max, .max, -5, 0], owners: 3), workers, stepsMax: 9)
        #expect(changes.count == 4)
    }
}
