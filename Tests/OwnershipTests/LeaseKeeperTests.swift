import Core
import Testing

@testable import Ownership

@Suite("A worker's lease from its own side")
struct LeaseKeeperTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("it registers once, then renews five times within its time to live")
    func rhythm() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        #expect(keeper.tick(now: Self.second) == .register)
        #expect(keeper.tick(now: Self.second * 2) == nil, "an answer is awaited")
        keeper.registered(WorkerInstanceID(7), attemptStarted: Self.second)
        #expect(keeper.isTrusted(at: Self.second + 899_999_999))
        #expect(!keeper.isTrusted(at: Self.second + 900_000_000))
        #expect(keeper.tick(now: Self.second + 199_999_999) == nil)
        #expect(keeper.tick(now: Self.second + 200_000_000) == .renew(WorkerInstanceID(7)))
    }

    @Test("a lease that is gone is trusted no more, and the worker registers at once")
    func gone() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        _ = keeper.tick(now: 0)
        keeper.registered(WorkerInstanceID(7), attemptStarted: 0)
        _ = keeper.tick(now: 200_000_000)
        #expect(keeper.gone(WorkerInstanceID(7), now: 210_000_000) == true)
        #expect(!keeper.isTrusted(at: 210_000_000))
        #expect(keeper.tick(now: 210_000_000) == .register)
        #expect(keeper.gone(WorkerInstanceID(7), now: 220_000_000) == false, "of an instance that is not ours any more")
    }

    @Test("who has left registers no more, whatever is answered late")
    func left() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        _ = keeper.tick(now: 0)
        keeper.registered(WorkerInstanceID(7), attemptStarted: 0)
        #expect(keeper.leave() == WorkerInstanceID(7))
        keeper.renewed(WorkerInstanceID(7), attemptStarted: 1)
        #expect(!keeper.isTrusted(at: 2))
        #expect(keeper.tick(now: Self.second) == nil)
    }
}
