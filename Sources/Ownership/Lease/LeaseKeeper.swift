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
    /// The lease is renewed as ever, but one that is lost stays lost.
    private var isLeaving = false
    private var isAsking = false
    private var askAt: MonotonicNanoseconds = 0

    /// The lease is renewed so many times within its time to live.
    package static let renewalsPerLease: UInt64 = 5

    package init(timeToLiveMilliseconds: Int) { window = TrustWindow(timeToLiveMilliseconds: timeToLiveMilliseconds) }

    package var instance: WorkerInstanceID? { if case .held(let instance) = state { instance } else { nil } }

    package func isTrusted(at now: MonotonicNanoseconds) -> Bool { instance != nil && window.isTrusted(at: now) }

    private var question: Question? {
        switch state {
        case .unregistered: isLeaving ? nil : .register
        case .held(let instance): .renew(instance)
        case .left: nil
        }
    }

    /// When `tick` has the next question, unless an answer is still awaited then; nil: never again.
    package var nextQuestionAt: MonotonicNanoseconds? { question == nil ? nil : askAt }

    /// What to ask now; nil: nothing, or an answer is still awaited.
    package mutating func tick(now: MonotonicNanoseconds) -> Question? {
        guard !isAsking, now >= askAt, let question else { return nil }
        isAsking = true
        askAt = now + window.timeToLiveNanoseconds / Self.renewalsPerLease
        return question
    }

    /// Registered, by a question of `attemptStarted`. False: the worker has left meanwhile, and the lease is to be given back.
    package mutating func registered(_ instance: WorkerInstanceID, attemptStarted: MonotonicNanoseconds) -> Bool {
        isAsking = false
        guard case .unregistered = state else { return false }
        state = .held(instance)
        window.renewed(attemptStarted: attemptStarted)
        return true
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

    /// The worker is about to stop: what it has it keeps until it leaves, and nothing new is registered.
    package mutating func beginLeaving() { isLeaving = true }

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
