import Core

/// Until when a worker may believe that it still owns its shards, by its own monotonic clock.
///
/// A renewal that began at t and succeeded keeps the lease until at least t + time to live by the server's clock, as the server cannot have
/// seen it earlier. The margin is for clocks that run at different speeds. Pure: time comes in as an argument.
package struct TrustWindow: Equatable, Sendable {
    package let timeToLiveNanoseconds: UInt64
    package let marginNanoseconds: UInt64
    /// Before this moment shards may be served; 0 before the first renewal and after the lease was lost.
    package private(set) var trustedUntil: MonotonicNanoseconds = 0

    /// One tenth: two clocks would have to drift apart by 10% to be wrong.
    package static let marginShare: UInt64 = 10

    package init(timeToLiveMilliseconds: Int) {
        timeToLiveNanoseconds = UInt64(max(0, timeToLiveMilliseconds)) * 1_000_000
        marginNanoseconds = timeToLiveNanoseconds / Self.marginShare
    }

    /// A renewal that began at `attemptStarted` has succeeded. An older one that comes late changes nothing.
    package mutating func renewed(attemptStarted: MonotonicNanoseconds) {
        trustedUntil = max(trustedUntil, attemptStarted &+ timeToLiveNanoseconds &- marginNanoseconds)
    }

    /// The lease is gone, or is about to be given back.
    package mutating func lost() { trustedUntil = 0 }

    package func isTrusted(at now: MonotonicNanoseconds) -> Bool { now < trustedUntil }
}
