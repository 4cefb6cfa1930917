import Core
import Testing

@testable import Ownership

@Suite("How long a worker may trust its lease")
struct TrustWindowTests {
    @Test("nothing is trusted before the first renewal")
    func beforeRenewal() { #expect(!TrustWindow(timeToLiveMilliseconds: 1000).isTrusted(at: 0)) }

    @Test("a renewal is trusted from its beginning for nine tenths of its time to live, and not a nanosecond longer")
    func renewal() {
        var window = TrustWindow(timeToLiveMilliseconds: 1000)
        window.renewed(attemptStarted: 5_000_000_000)
        #expect(window.isTrusted(at: 5_899_999_999))
        #expect(!window.isTrusted(at: 5_900_000_000))
    }

    @Test("an older renewal that comes late shortens nothing")
    func lateRenewal() {
        var window = TrustWindow(timeToLiveMilliseconds: 1000)
        window.renewed(attemptStarted: 5_000_000_000)
        window.renewed(attemptStarted: 4_000_000_000)
        #expect(window.trustedUntil == 5_900_000_000)
    }

    @Test("a lost lease is not trusted at once, and a later renewal is")
    func lost() {
        var window = TrustWindow(timeToLiveMilliseconds: 1000)
        window.renewed(attemptStarted: 5_000_000_000)
        window.lost()
        #expect(!window.isTrusted(at: 5_000_000_001))
        window.renewed(attemptStarted: 6_000_000_000)
        #expect(window.isTrusted(at: 6_500_000_000))
    }

    @Test("a time to live of nothing, or less, is never trusted", arguments: [0, -1, Int.min])
    func noTime(milliseconds: Int) {
        var window = TrustWindow(timeToLiveMilliseconds: milliseconds)
        window.renewed(attemptStarted: 1000)
        #expect(!window.isTrusted(at: 1000))
    }
}
