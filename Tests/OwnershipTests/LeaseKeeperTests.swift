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
        #expect(keeper.nextQuestionAt == Self.second + 200_000_000)
        #expect(keeper.registered(WorkerInstanceID(7), attemptStarted: Self.second) == true)
        #expect(keeper.isTrusted(at: Self.second + 899_999_999))
        #expect(!keeper.isTrusted(at: Self.second + 900_000_000))
        #expect(keeper.tick(now: Self.second + 199_999_999) == nil)
        #expect(keeper.tick(now: Self.second + 200_000_000) == .renew(WorkerInstanceID(7)))
    }

    @Test("a lease that is gone is trusted no more, and the worker registers at once")
    func gone() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        _ = keeper.tick(now: 0)
        #expect(keeper.registered(WorkerInstanceID(7), attemptStarted: 0) == true)
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
        #expect(keeper.registered(WorkerInstanceID(7), attemptStarted: 0) == true)
        #expect(keeper.leave() == WorkerInstanceID(7))
        keeper.renewed(WorkerInstanceID(7), attemptStarted: 1)
        #expect(!keeper.isTrusted(at: 2))
        #expect(keeper.tick(now: Self.second) == nil)
        #expect(keeper.nextQuestionAt == nil)
    }

    @Test("who is about to leave renews as ever, and a lease that is lost then stays lost")
    func leaving() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        _ = keeper.tick(now: 0)
        #expect(keeper.registered(WorkerInstanceID(7), attemptStarted: 0) == true)
        keeper.beginLeaving()
        #expect(keeper.tick(now: 200_000_000) == .renew(WorkerInstanceID(7)))
        keeper.renewed(WorkerInstanceID(7), attemptStarted: 200_000_000)
        #expect(keeper.isTrusted(at: 1_000_000_000))
        #expect(keeper.gone(WorkerInstanceID(7), now: 300_000_000) == true)
        #expect(keeper.tick(now: Self.second * 10) == nil)
        #expect(keeper.nextQuestionAt == nil)
    }

    @Test("a lease that comes when the worker has left is not taken up")
    func late() {
        var keeper = LeaseKeeper(timeToLiveMilliseconds: 1000)
        _ = keeper.tick(now: 0)
        #expect(keeper.leave() == nil)
        #expect(keeper.registered(WorkerInstanceID(7), attemptStarted: 0) == false)
        #expect(!keeper.isTrusted(at: 1))
    }
}
