import Core

/// A worker's lease from its own side: when to register and renew, and until when its shards may be believed in.
package struct LeaseKeeper: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case unregistered
        case held(WorkerInstanceID)
        /// Given back, or being so; nothing is registered any more.
        case left
    }

    /// What to ask PostgreSQL for; answered with the moment at which it was asked.
    package enum Question: Equatable, Sendable {
        case register
        case renew(WorkerInstanceID)
    }

    package private(set) var state = State.unregistered
    package private(set) var window: TrustWindow
    private var isAsking = false
    private var askAt: MonotonicNanoseconds = 0

    /// The lease is renewed so many times within its time to live.
    package static let renewalsPerLease: UInt64 = 5

    package init(timeToLiveMilliseconds: Int) { window = TrustWindow(timeToLiveMilliseconds: timeToLiveMilliseconds) }

    package var instance: WorkerInstanceID? { if case .held(let instance) = state { instance } else { nil } }

    package func isTrusted(at now: MonotonicNanoseconds) -> Bool { instance != nil && window.isTrusted(at: now) }

    /// What to ask now; nil: nothing, or an answer is still awaited.
    package mutating func tick(now: MonotonicNanoseconds) -> Question? {
        guard !isAsking, now >= askAt else { return nil }
        let question: Question
        switch state {
        case .unregistered: question = .register
        case .held(let instance): question = .renew(instance)
        case .left: return nil
        }
        isAsking = true
        askAt = now + window.timeToLiveNanoseconds / Self.renewalsPerLease
        return question
    }

    /// Registered, by a question of `attemptStarted`.
    package mutating func registered(_ instance: WorkerInstanceID, attemptStarted: MonotonicNanoseconds) {
        isAsking = false
        guard case .unregistered = state else { return }
        state = .held(instance)
        window.renewed(attemptStarted: attemptStarted)
    }

    /// Renewed, by a question of `attemptStarted`.
    package mutating func renewed(_ instance: WorkerInstanceID, attemptStarted: MonotonicNanoseconds) {
        isAsking = false
        guard self.instance == instance else { return }
        window.renewed(attemptStarted: attemptStarted)
    }

    /// There is no such lease any more. True if it was ours until now: every shard is to be dropped, and the worker registers anew.
    package mutating func gone(_ instance: WorkerInstanceID, now: MonotonicNanoseconds) -> Bool {
        isAsking = false
        guard self.instance == instance else { return false }
        state = .unregistered
        window.lost()
        askAt = now
        return true
    }

    /// No answer came, or an error: it is asked again in its time.
    package mutating func failed() { isAsking = false }

    /// The worker stops: nothing is trusted and nothing registered from now on.
    /// - Returns: the lease to give back.
    package mutating func leave() -> WorkerInstanceID? {
        defer {
            state = .left
            window.lost()
        }
        return instance
    }
}
