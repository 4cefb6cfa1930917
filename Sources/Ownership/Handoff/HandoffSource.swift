import Core

/// The source's side of one hand-off: holds writes, seals, commits, and finds out what became of a commit whose answer was lost.
///
/// Pure: events come in, actions go out, time is an argument. The states, what reads and writes get in each, and why an unknown outcome is
/// resolved by a write: `docs/design/handoff.md`.
package struct HandoffSource: Equatable, Sendable {
    /// What there is to do for whoever has the shard in memory.
    package enum Action: Equatable, Sendable {
        /// Begin no wide write; call `wideEnded` once none is going on.
        case holdWideWrites
        /// Begin no write at all, pause payments and intake; once what was begun has ended, measure and call `measured`.
        case holdWrites
        /// Measure again, if the memory is still at this change, which others have made.
        case measure(ChangeSequence)
        /// From this moment on no read is answered; before the next action is carried out.
        case stopReads
        case resumeReads
        /// Change the row, and call `answered`.
        case write(MoveWrite)
    }

    /// How a hand-off ends, for its source.
    package enum Ending: Equatable, Sendable {
        /// The shard is the target's.
        case committed
        /// The shard is still ours: reads, writes and payments go on.
        case aborted
        /// The shard is somebody else's, by other ways.
        case lost
    }

    package enum State: Equatable, Sendable {
        case watching
        case settling(since: MonotonicNanoseconds)
        case holding(since: MonotonicNanoseconds)
        case sealing(Seal, since: MonotonicNanoseconds)
        case sealed(Seal, since: MonotonicNanoseconds)
        case committing(Seal, since: MonotonicNanoseconds)
        case resolving
        /// `isHolding`: whether all writes wait, or only wide ones.
        case aborting(AbortReason, isHolding: Bool)
        case ended(Ending)
    }

    package private(set) var state = State.watching
    /// The row, as young as we know it.
    package private(set) var move: ShardMove
    private var attempts = Attempts()
    private let limits: HandoffLimits

    package init(_ move: ShardMove, limits: HandoffLimits = HandoffLimits()) {
        self.move = move
        self.limits = limits
    }

    // MARK: What requests get

    package var answersReads: Bool {
        switch state {
        case .committing, .resolving, .ended(.committed), .ended(.lost): false
        default: true
        }
    }

    package var beginsWrites: Bool {
        switch state {
        case .watching, .settling, .aborting(_, isHolding: false), .ended(.aborted): true
        default: false
        }
    }

    package var beginsWideWrites: Bool {
        switch state {
        case .watching, .ended(.aborted): true
        default: false
        }
    }

    // MARK: Events

    /// The row was read.
    package mutating func seen(_ row: ShardMove, now: MonotonicNanoseconds) -> [Action] {
        guard row.id == move.id, row.isAsNew(as: move) else { return [] }
        move = row
        switch (row.stage, state) {
        case (_, .ended): return []
        case (.aborted, _): return end(.aborted)
        case (.committed, _): return end(.committed)
        case (.ready, .watching):
            state = .settling(since: now)
            return [.holdWideWrites]
        case (.sealed, .watching), (.confirmed, .watching):
            // Sealed by us with a memory that we have lost since: it can not be vouched for.
            return abort(.copyLost, isHolding: false, now)
        case (.sealed(let seal), .sealing(let asked, let since)) where seal == asked:
            state = .sealed(seal, since: since)
            attempts.succeeded()
            return []
        case (.confirmed(let seal), .sealing(_, let since)), (.confirmed(let seal), .sealed(_, let since)):
            attempts.succeeded()
            return commit(seal, since: since, now)
        default: return []
        }
    }

    /// The row is not there any more, and the shard is still ours: whatever was asked for can not come about any more.
    package mutating func rowGone() -> [Action] {
        if case .ended = state { return [] }
        return end(.aborted)
    }

    /// No wide write is going on any more.
    package mutating func wideEnded(now: MonotonicNanoseconds) -> [Action] {
        guard case .settling = state else { return [] }
        state = .holding(since: now)
        return [.holdWrites]
    }

    /// Nothing of ours is on its way to PostgreSQL, and the memory is this.
    package mutating func measured(_ seal: Seal, now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .holding(let since): return sealing(seal, since: since, now)
        // Never backwards: a measurement may come late.
        case .sealed(let older, let since) where older.finalSequence < seal.finalSequence:
            return sealing(seal, since: since, now)
        default: return []
        }
    }

    /// Changes of others have been applied, up to this one.
    package mutating func followed(to applied: ChangeSequence) -> [Action] {
        if case .sealed(let seal, _) = state, case .sealed = move.stage, seal.finalSequence < applied {
            return [.measure(applied)]
        }
        return []
    }

    /// Time passes: deadlines, and what has to be tried again.
    package mutating func tick(now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .settling(let since) where now > since && now - since >= limits.settleMax:
            return abort(.settleDeadline, isHolding: false, now)
        case .holding(let since), .sealing(_, let since), .sealed(_, let since):
            if now > since, now - since >= move.limits.writeHoldMax { return abort(.holdDeadline, isHolding: true, now) }
            if case .sealing(let seal, _) = state { return ask(.seal(seal), now) }
            if case .sealed = state, case .confirmed(let seal) = move.stage { return commit(seal, since: since, now) }
            return []
        case .resolving: return ask(.abort(.outcomeUnknown), now)
        case .aborting(let reason, _): return ask(.abort(reason), now)
        default: return []
        }
    }

    /// PostgreSQL has answered, or not.
    package mutating func answered(_ write: MoveWrite, _ outcome: MoveWriteOutcome, now: MonotonicNanoseconds) -> [Action] {
        // An answer to what is not asked any more: the state went on by what the row said.
        guard isWaiting(for: write) else { return [] }
        switch (state, outcome) {
        case (_, .applied(let row)), (_, .refused(let row)):
            attempts.succeeded()
            if case .committing(let seal, let since) = state, row.isActive {
                // Refused, and not ended: the commit came before its time.
                state = .sealed(seal, since: since)
                return [.resumeReads] + seen(row, now: now)
            }
            return seen(row, now: now)
        case (.committing, .fenced): return end(.lost)
        case (.committing(let seal, let since), .targetGone):
            attempts.succeeded()
            state = .sealed(seal, since: since)
            return [.resumeReads] + abort(.targetLost, isHolding: true, now)
        case (.committing(let seal, let since), .failed):
            attempts.failed(now, limits)
            state = .sealed(seal, since: since)
            return [.resumeReads]
        case (.committing, .unknown):
            attempts.succeeded()
            state = .resolving
            return ask(.abort(.outcomeUnknown), now)
        default:
            attempts.failed(now, limits)
            return []
        }
    }

    // MARK: Steps

    private func isWaiting(for write: MoveWrite) -> Bool {
        guard attempts.isAsking else { return false }
        return switch (state, write) {
        case (.sealing(let asked, _), .seal(let seal)): asked == seal
        case (.committing, .commit), (.resolving, .abort), (.aborting, .abort): true
        default: false
        }
    }

    private mutating func ask(_ write: MoveWrite, _ now: MonotonicNanoseconds) -> [Action] {
        guard attempts.mayAsk(now) else { return [] }
        attempts.asked()
        return [.write(write)]
    }

    private mutating func sealing(_ seal: Seal, since: MonotonicNanoseconds, _ now: MonotonicNanoseconds) -> [Action] {
        state = .sealing(seal, since: since)
        attempts.succeeded()
        return ask(.seal(seal), now)
    }

    private mutating func commit(_ seal: Seal, since: MonotonicNanoseconds, _ now: MonotonicNanoseconds) -> [Action] {
        guard attempts.mayAsk(now) else {
            state = .sealed(seal, since: since)
            return []
        }
        state = .committing(seal, since: since)
        attempts.asked()
        return [.stopReads, .write(.commit)]
    }

    private mutating func abort(_ reason: AbortReason, isHolding: Bool, _ now: MonotonicNanoseconds) -> [Action] {
        state = .aborting(reason, isHolding: isHolding)
        attempts.succeeded()
        return ask(.abort(reason), now)
    }

    private mutating func end(_ ending: Ending) -> [Action] {
        let wasSilent = !answersReads
        state = .ended(ending)
        return ending == .aborted && wasSilent ? [.resumeReads] : []
    }
}
