import Core
import Testing

@testable import Ownership

@Suite("Requests that wait for a shard's new owner")
struct ParkedRequestsTests {
    private static let millisecond: UInt64 = 1_000_000
    private let shard = ShardID(3)

    private func limits(_ change: (inout ParkedRequests.Limits) -> Void) -> ParkedRequests.Limits {
        var limits = ParkedRequests.Limits()
        change(&limits)
        return limits
    }

    @Test("they are tried again in the order in which they came, after a pause that doubles")
    func pauses() {
        var parked = ParkedRequests()
        var now: UInt64 = 0
        for pause in [5, 10, 20, 40, 80, 100, 100] as [UInt64] {
            for token in 1...3 as ClosedRange<UInt64> {
                #expect(parked.park(token, shard, bytes: 10, deadline: .max, now: now) == true)
            }
            #expect(parked.due(now: now + pause * Self.millisecond - 1).again == [])
            now += pause * Self.millisecond
            #expect(parked.due(now: now).again == [1, 2, 3])
        }
    }

    @Test("they are tried at once when the route changes, and the pause begins anew")
    func routeChanged() {
        var parked = ParkedRequests()
        #expect(parked.park(1, shard, bytes: 10, deadline: .max, now: 0) == true)
        #expect(parked.routeChanged(shard) == [1])
        #expect(parked.count == 0 && parked.bytes == 0)
        #expect(parked.park(1, shard, bytes: 10, deadline: .max, now: 0) == true)
        #expect(parked.due(now: 5 * Self.millisecond).again == [1])
    }

    @Test("the patience of a request ends however often it is tried in between")
    func patience() {
        var parked = ParkedRequests()
        var now: UInt64 = 0
        var times = 0
        // 50 times would be 5 s.
        while times < 50 {
            #expect(parked.park(1, shard, bytes: 10, deadline: .max, now: now) == true)
            times += 1
            now += 100 * Self.millisecond
            let due = parked.due(now: now)
            if due.expired == [1] { break }
            #expect(due.again == [1])
        }
        #expect(times == 20)
        #expect(parked.count == 0 && parked.bytes == 0 && parked.isForgotten)
        // Whoever comes later is tried soon again.
        #expect(parked.park(2, shard, bytes: 10, deadline: .max, now: now) == true)
        #expect(parked.due(now: now + 5 * Self.millisecond).again == [2])
    }

    @Test("a request's own deadline ends its stay")
    func deadline() {
        var parked = ParkedRequests()
        #expect(parked.park(1, shard, bytes: 10, deadline: 3 * Self.millisecond, now: 0) == true)
        #expect(parked.due(now: 3 * Self.millisecond).expired == [1])
        #expect(parked.count == 0 && parked.bytes == 0)
    }

    @Test("one that is answered while others of its shard wait takes nothing of theirs, and one never parked nothing at all")
    func settled() {
        var parked = ParkedRequests()
        for token in 1...3 as ClosedRange<UInt64> {
            #expect(parked.park(token, shard, bytes: 10, deadline: .max, now: 0) == true)
        }
        #expect(parked.due(now: 5 * Self.millisecond).again == [1, 2, 3])
        #expect(parked.park(2, shard, bytes: 10, deadline: .max, now: 5 * Self.millisecond) == true)
        #expect(parked.park(3, shard, bytes: 10, deadline: .max, now: 5 * Self.millisecond) == true)
        parked.settled(9, shard)
        #expect(parked.count == 2 && parked.bytes == 20)
        parked.settled(1, shard)
        #expect(parked.count == 2 && parked.bytes == 20)
        parked.settled(2, shard)
        parked.settled(2, shard)
        #expect(parked.count == 1 && parked.bytes == 10)
        #expect(parked.routeChanged(shard) == [3])
        parked.settled(3, shard)
        #expect(parked.count == 0 && parked.bytes == 0 && parked.isForgotten)
    }

    @Test("no more are kept than the limits of count and bytes allow, and room comes back")
    func bounds() {
        var parked = ParkedRequests(limits: limits { $0.requestsMax = 2 })
        #expect(parked.park(1, shard, bytes: 1, deadline: .max, now: 0) == true)
        #expect(parked.park(2, shard, bytes: 1, deadline: .max, now: 0) == true)
        #expect(parked.park(3, shard, bytes: 1, deadline: .max, now: 0) == false)
        parked.settled(1, shard)
        #expect(parked.park(3, shard, bytes: 1, deadline: .max, now: 0) == true)

        var small = ParkedRequests(limits: limits { $0.bytesMax = 100 })
        #expect(small.park(1, shard, bytes: 60, deadline: .max, now: 0) == true)
        #expect(small.park(2, shard, bytes: 41, deadline: .max, now: 0) == false)
        #expect(small.park(2, shard, bytes: 40, deadline: .max, now: 0) == true)
    }
}
