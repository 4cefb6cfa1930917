import Core
import Synchronization
import Testing

@testable import JobQueue

@Suite struct ConsumerStateTests {
    private static let second: UInt64 = 1_000_000_000

    private func state(lanes: Int, shards: Int...) -> ConsumerState {
        var state = ConsumerState(base: .make(), lanes: lanes)
        state.setShards(shards.map { OwnedShard(ShardID($0), Epoch(1)) })
        return state
    }

    private func job(_ id: Int64, shard: Int) throws -> Job {
        let new = try NewJob(JobID(id), shard: ShardID(shard), payload: [], enqueuedAtMilliseconds: 0)
        return try #require(
            Job(
                kind: .commission, shard: ShardID(shard), entry: EntryID(milliseconds: 1, sequence: UInt64(id)),
                record: new.record[...]))
    }

    private func orders(_ state: inout ConsumerState, lane: Int) throws -> ConsumerState.Orders {
        guard let orders = state.orders(lane: lane, generation: 0) else { throw JobQueueError(.invalid, "the lane is given up") }
        return orders
    }

    @Test("each shard has one lane, and lanes have about the same number, whichever shards they are")
    func lanes() throws {
        for (step, count) in [(1, 256), (2, 128), (4, 64), (16, 16)] {
            for lanes in [1, 2, 3, 4, 8] {
                let shards = stride(from: 0, to: 256, by: step).map { ShardID($0) }
                let counts = Dictionary(grouping: shards) { ConsumerState.lane(of: $0, lanes: lanes) }.mapValues(\.count)
                #expect(counts.keys.allSatisfy { (0..<lanes).contains($0) })
                guard count >= 64 else { continue }
                #expect(counts.count == lanes && counts.values.allSatisfy { $0 > count / lanes / 2 })
            }
        }
        var state = state(lanes: 3, shards: 1, 2, 3, 4, 5)
        let all = try (0..<3).flatMap { try orders(&state, lane: $0).shards }
        #expect(Set(all) == Set(state.ownedShards) && all.count == 5)
    }

    @Test(
        "jobs of a shard that is gone meanwhile, or came back at another epoch, are not held; nothing is once the consumer drains"
    )
    func hold() throws {
        var state = state(lanes: 1, shards: 1, 2, 3)
        state.lanes[0].isRunning = true
        let jobs = [try job(1, shard: 1), try job(2, shard: 2), try job(3, shard: 3)]
        let first = try orders(&state, lane: 0)
        #expect(state.isQuiet)
        state.setShards([OwnedShard(ShardID(1), Epoch(1)), OwnedShard(ShardID(2), Epoch(2))])
        #expect(!state.isQuiet)
        var held = state.hold(jobs, lane: 0, generation: 0, orders: first, now: 0)
        #expect(held?.held.map(\.id.text) == ["1"] && held?.foreign.map(\.id.text) == ["2", "3"])
        #expect(!state.isQuiet)
        let next = try orders(&state, lane: 0)
        #expect(next.shards.count == 2 && state.isQuiet)
        held = state.hold(jobs, lane: 0, generation: 0, orders: next, now: 0)
        #expect(held?.held.count == 3 && state.isQuiet)
        state.advance(to: .draining)
        let last = try orders(&state, lane: 0)
        #expect(!state.isQuiet)
        held = state.hold(jobs, lane: 0, generation: 0, orders: first, now: 0)
        #expect(held?.held.isEmpty == true && held?.foreign.count == 3 && state.isQuiet && last.phase == .draining)
        let isGone = state.hold(jobs, lane: 0, generation: 1, orders: first, now: 0) == nil
        #expect(isGone)
    }

    @Test("a shard with a later owner is taken from no more, until it comes with another epoch")
    func stale() {
        var state = state(lanes: 1, shards: 1, 2)
        let one = OwnedShard(ShardID(1), Epoch(1))
        let version = state.version
        #expect(state.markStale([one, OwnedShard(ShardID(2), Epoch(7))]) == [one])
        #expect(state.markStale([one]).isEmpty && state.version == version + 1)
        #expect(state.ownedShards.map(\.shard) == [ShardID(2)])
        state.setShards([one, OwnedShard(ShardID(2), Epoch(1))])
        #expect(state.ownedShards.map(\.shard) == [ShardID(2)])
        state.unmarkStale([OwnedShard(ShardID(1), Epoch(2)), OwnedShard(ShardID(2), Epoch(1))])
        #expect(state.ownedShards.map(\.shard) == [ShardID(2)])
        let before = state.version
        state.unmarkStale([one])
        #expect(state.ownedShards.map(\.shard) == [ShardID(1), ShardID(2)] && state.version == before + 1)
        #expect(state.markStale([one]) == [one])
        state.setShards([OwnedShard(ShardID(1), Epoch(2))])
        #expect(state.ownedShards == [OwnedShard(ShardID(1), Epoch(2))])
    }

    @Test("a call over its time is cancelled once, and after the grace its lane is replaced under another name")
    func alarms() throws {
        var state = state(lanes: 2, shards: 1)
        let name = state.lanes[1].name
        let held = try orders(&state, lane: 1)
        _ = state.hold([try job(1, shard: 1)], lane: 1, generation: 0, orders: held, now: 0)
        state.lanes[1].call = ConsumerState.Call(cancel: {}, limit: 10 * Self.second)
        state.lanes[1].isRunning = true
        state.suspectsLane = 1
        #expect(state.alarms(now: 9 * Self.second, graceNanoseconds: Self.second).isEmpty)
        guard case .cancel(1, 0, _)? = state.alarms(now: 10 * Self.second, graceNanoseconds: Self.second).first else {
            Issue.record("not cancelled")
            return
        }
        #expect(state.lanes[1].call?.isCancelling == true)
        state.cancelled(lane: 1, generation: 7)
        #expect(state.lanes[1].call?.isCancelling == true)
        #expect(state.alarms(now: 11 * Self.second - 1, graceNanoseconds: Self.second).isEmpty)
        guard case .replace(1, 1, name, 1)? = state.alarms(now: 11 * Self.second, graceNanoseconds: Self.second).first else {
            Issue.record("not replaced")
            return
        }
        let isOldGone = state.orders(lane: 1, generation: 0) == nil
        #expect(state.lost == [name] && state.lanes[1].name != name && state.suspectsLane == nil)
        #expect(isOldGone && state.lanes[1].generation == 1)
        #expect(state.lanes[1].inHand.isEmpty && state.lanes[1].isRunning)
    }

    /// Loses lane 0; whether it was replaced.
    private func loseLane(_ state: inout ConsumerState, now: UInt64) -> Bool {
        state.lanes[0].call = ConsumerState.Call(cancel: {}, limit: 0)
        _ = state.alarms(now: now, graceNanoseconds: 1)
        if case .replace? = state.alarms(now: now + 1, graceNanoseconds: 1).first { return true }
        return false
    }

    @Test("lanes are replaced so many times within an hour and no more, however many have been lost before")
    func lossesWithinAnHour() {
        var state = state(lanes: 1, shards: 1)
        let step = ConsumerState.laneLossNanoseconds / UInt64(ConsumerState.laneLossesMax)
        for loss in 0..<100 { #expect(loseLane(&state, now: UInt64(loss) * step)) }
        #expect(state.lossesCount == 100 && state.lost.count <= ConsumerState.laneLossesMax + 1)
        let last = state.lanes[0].name
        let isReplaced = loseLane(&state, now: 99 * step + 10)
        #expect(!isReplaced && state.lost.last == last)
    }

    @Test("lanes are never replaced once the consumer stops")
    func lossesEnd() {
        var state = state(lanes: 1, shards: 1)
        for loss in 0..<20 { #expect(loseLane(&state, now: UInt64(loss)) == (loss < ConsumerState.laneLossesMax)) }
        var stopping = self.state(lanes: 1, shards: 1)
        stopping.advance(to: .stopping)
        stopping.lanes[0].call = ConsumerState.Call(cancel: {}, limit: .max)
        stopping.hurry(now: 5)
        _ = stopping.alarms(now: 5, graceNanoseconds: 1)
        guard case .doNotReplace? = stopping.alarms(now: 6, graceNanoseconds: 1).first else {
            Issue.record("replaced")
            return
        }
        #expect(!stopping.lanes[0].isRunning)
    }

    @Test("what is in hand for long is renewed again and again, and not before its time")
    func renewals() throws {
        var state = state(lanes: 2, shards: 1)
        let held = try orders(&state, lane: 0)
        _ = state.hold([try job(1, shard: 1)], lane: 0, generation: 0, orders: held, now: 100)
        #expect(state.renewals(now: 149, everyNanoseconds: 50).isEmpty)
        #expect(state.renewals(now: 150, everyNanoseconds: 50).map(\.1.count) == [1])
        #expect(state.renewals(now: 199, everyNanoseconds: 50).isEmpty)
        #expect(state.renewals(now: 200, everyNanoseconds: 50).first?.0 == state.lanes[0].name)
    }

    @Test("a lane whose hand was filled before a shard of it left is told so, and a lane without that shard is not")
    func lostAShard() throws {
        var state = state(lanes: 1, shards: 1, 2)
        let first = try orders(&state, lane: 0)
        _ = state.hold([try job(1, shard: 1), try job(2, shard: 2)], lane: 0, generation: 0, orders: first, now: 0)
        #expect(!state.hasLostAShard(lane: 0))
        state.setShards([OwnedShard(ShardID(1), Epoch(1)), OwnedShard(ShardID(2), Epoch(1)), OwnedShard(ShardID(3), Epoch(1))])
        #expect(!state.hasLostAShard(lane: 0))
        state.setShards([OwnedShard(ShardID(2), Epoch(1))])
        #expect(state.hasLostAShard(lane: 0))
        state.lanes[0].inHand = [try job(2, shard: 2)]
        #expect(!state.hasLostAShard(lane: 0))
    }

    @Test("a shard that left is let go of when its lane works by newer orders, or has nothing of it in a hand filled before")
    func letGo() throws {
        var state = state(lanes: 1, shards: 1, 2)
        state.lanes[0].isRunning = true
        #expect(!state.hasLetGo(of: ShardID(1)) && state.hasLetGo(of: ShardID(9)))
        let first = try orders(&state, lane: 0)
        func keepOnlyTwo() { state.setShards([OwnedShard(ShardID(2), Epoch(1))]) }
        // In hand before the shard left: until it is out of it.
        _ = state.hold([try job(1, shard: 1), try job(2, shard: 2)], lane: 0, generation: 0, orders: first, now: 0)
        keepOnlyTwo()
        #expect(!state.hasLetGo(of: ShardID(1)))
        state.lanes[0].inHand = [try job(2, shard: 2)]
        #expect(state.hasLetGo(of: ShardID(1)))
        // With nothing in hand it may be about to take by its old orders.
        state.lanes[0].inHand = []
        #expect(!state.hasLetGo(of: ShardID(1)))
        // What it took by them and may not keep is still to be given back.
        _ = state.hold([try job(1, shard: 1), try job(2, shard: 2)], lane: 0, generation: 0, orders: first, now: 0)
        #expect(!state.hasLetGo(of: ShardID(1)))
        _ = try orders(&state, lane: 0)
        #expect(state.hasLetGo(of: ShardID(1)))
        state.setShards([OwnedShard(ShardID(1), Epoch(1)), OwnedShard(ShardID(2), Epoch(1))])
        #expect(!state.hasLetGo(of: ShardID(1)))
        keepOnlyTwo()
        state.lanes[0].isRunning = false
        #expect(state.hasLetGo(of: ShardID(1)))
    }
}
