import Core

/// A change to a move's row, each one function in PostgreSQL, applied only if the row is in the state that it asks for.
package enum MoveWrite: Equatable, Sendable {
    /// `ready_move`: the target has a copy that is hardly behind.
    case ready
    /// `seal_move`: the source holds all writes, and this is what it has.
    case seal(Seal)
    /// `confirm_move`: the target has exactly that.
    case confirm(Seal)
    /// `commit_move`: the shard is the target's.
    case commit
    /// `abort_move`.
    case abort(AbortReason)
}

/// What became of a `MoveWrite`.
package enum MoveWriteOutcome: Equatable, Sendable {
    /// It was applied; the row as it is then.
    case applied(ShardMove)
    /// The row was in another state: this one.
    case refused(ShardMove)
    /// `commit_move`: the shard's row names another owner or epoch.
    case fenced
    /// `commit_move`: the target has no lease.
    case targetGone
    /// It certainly was not applied and never will be: it was not sent, or PostgreSQL said that it was rolled back.
    case failed
    /// Nobody knows, and it may still be applied later.
    case unknown
}

/// The limits of every hand-off, beside those of its row. Nanoseconds of the worker's own monotonic clock.
package struct HandoffLimits: Equatable, Sendable {
    /// How long the end of wide writes is waited for before writes are held.
    package var settleMax: UInt64 = 15_000_000_000
    /// How long a target keeps its copy after an abort.
    package var warmMax: UInt64 = 10_000_000_000
    /// The pause before a write to the row is tried again: the first, and the longest; it doubles in between.
    package var retryMin: UInt64 = 10_000_000
    package var retryMax: UInt64 = 250_000_000

    package init() {}
}

/// One statement at a time, and growing pauses between attempts that did not succeed.
struct Attempts: Equatable, Sendable {
    private(set) var isAsking = false
    private var pause: UInt64 = 0
    private var notBefore: MonotonicNanoseconds = 0

    func mayAsk(_ now: MonotonicNanoseconds) -> Bool { !isAsking && now >= notBefore }

    mutating func asked() { isAsking = true }

    mutating func succeeded() { self = Attempts() }

    mutating func failed(_ now: MonotonicNanoseconds, _ limits: HandoffLimits) {
        isAsking = false
        pause = min(max(pause * 2, limits.retryMin), limits.retryMax)
        notBefore = now + pause
    }
}
