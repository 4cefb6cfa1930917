import Core

/// The target's side of one hand-off: follows the shard, compares, and takes it up once the row says that it is its own.
///
/// What it does next follows from the row and from how far its copy is, so nothing has to be remembered about a statement whose answer was
/// lost: the row is read again. It never answers before it has seen `committed`.
package struct HandoffTarget: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// Read the shard from PostgreSQL and call `loaded` or `loadFailed`.
        case load
        /// Apply what has been committed, at least up to this change, and call `followed`.
        case follow(to: ChangeSequence)
        /// If the copy is still at exactly this change: measure it and call `measured`.
        case measure(ChangeSequence)
        /// Change the row, and call `answered`.
        case write(MoveWrite)
    }

    /// How a hand-off ends, for its target.
    package enum Ending: Equatable, Sendable {
        /// The shard is ours, and the copy contains all that the source has answered.
        case committed
        case aborted
    }

    private enum Proof { case notAsked, asked, equal, differs }

    /// The row, as young as we know it.
    package private(set) var move: ShardMove
    /// The last change that the copy contains; nil while there is none.
    package private(set) var applied: ChangeSequence?
    package private(set) var ending: Ending?
    private var isLoading = false
    /// Of the copy, when it was at that change.
    private var measurement: Seal?
    /// Whether the copy has been found to be the source's, since it was last asked for: one that was asked for and not proved serves nobody.
    private var proof = Proof.notAsked
    private var lag: ChangeSequence = .max
    private var attempts = Attempts()
    /// Why the row has to be aborted; nil: it has not.
    private var complaint: AbortReason?
    private let limits: HandoffLimits

    /// - Parameter copy: the last change of a warm copy; nil: there is none.
    package init(_ move: ShardMove, copy: ChangeSequence? = nil, limits: HandoffLimits = HandoffLimits()) {
        self.move = move
        applied = copy
        self.limits = limits
    }

    /// Whether the row says that the shard is ours.
    package var isCommitted: Bool { if case .committed = move.stage { true } else { false } }

    /// The last change of the copy, unless it was to be compared with the source's and was not found equal: such a one serves nobody.
    package var usableCopy: ChangeSequence? {
        switch proof {
        case .notAsked, .equal: applied
        case .asked, .differs: nil
        }
    }

    // MARK: Events

    /// The row was read.
    package mutating func seen(_ row: ShardMove, now: MonotonicNanoseconds) -> [Action] {
        guard row.id == move.id, row.isAsNew(as: move), ending == nil else { return [] }
        if row.stage != move.stage { attempts.succeeded() }
        move = row
        return step(now)
    }

    /// The row is not there any more, and the shard is not ours. Once the row has said that it is, it is not needed.
    package mutating func rowGone() { if ending == nil, !isCommitted { ending = .aborted } }

    package mutating func loaded(at sequence: ChangeSequence, now: MonotonicNanoseconds) -> [Action] {
        isLoading = false
        proof = .notAsked
        applied = sequence
        // It may be old: how far behind it is, is asked first.
        lag = .max
        measurement = nil
        let actions = step(now)
        if actions.isEmpty, case .preparing = move.stage { return [.follow(to: sequence)] }
        return actions
    }

    package mutating func loadFailed(now: MonotonicNanoseconds) -> [Action] {
        isLoading = false
        // Once the shard is ours, somebody has to load it.
        if move.isActive { complaint = .loadFailed }
        return step(now)
    }

    /// - Parameters:
    ///   - sequence: the last change the copy contains.
    ///   - last: the shard's last change when that was asked.
    package mutating func followed(to sequence: ChangeSequence, of last: ChangeSequence, now: MonotonicNanoseconds) -> [Action] {
        guard applied != nil else { return [] }
        if sequence != applied { measurement = nil }
        applied = sequence
        lag = max(0, last - sequence)
        return step(now)
    }

    package mutating func measured(_ seal: Seal, now: MonotonicNanoseconds) -> [Action] {
        guard applied == seal.finalSequence else { return [] }
        measurement = seal
        return step(now)
    }

    /// The copy does not follow any more: it was too far behind, or a change did not fit it.
    package mutating func copyLost(now: MonotonicNanoseconds) -> [Action] {
        applied = nil
        measurement = nil
        switch move.stage {
        case .sealed, .confirmed: complaint = .copyLost
        default: break
        }
        return step(now)
    }

    package mutating func tick(now: MonotonicNanoseconds) -> [Action] { step(now) }

    package mutating func answered(_ write: MoveWrite, _ outcome: MoveWriteOutcome, now: MonotonicNanoseconds) -> [Action] {
        guard attempts.isAsking else { return [] }
        switch outcome {
        case .applied(let row), .refused(let row):
            attempts.succeeded()
            return seen(row, now: now)
        case .fenced, .targetGone, .failed, .unknown:
            attempts.failed(now, limits)
            return []
        }
    }

    // MARK: Steps

    private mutating func step(_ now: MonotonicNanoseconds) -> [Action] {
        guard ending == nil else { return [] }
        if case .aborted = move.stage {
            ending = .aborted
            return []
        }
        if let complaint, move.isActive { return ask(.abort(complaint), now) }
        guard let applied else {
            guard !isLoading, attempts.mayAsk(now) else { return [] }
            isLoading = true
            return [.load]
        }
        switch move.stage {
        case .preparing: return lag <= move.limits.lagMax ? ask(.ready, now) : []
        case .ready, .confirmed, .aborted: return []
        case .sealed(let seal):
            if applied < seal.finalSequence { return [.follow(to: seal.finalSequence)] }
            // Further than the seal: the source seals again.
            guard applied == seal.finalSequence else { return [] }
            guard let measurement else {
                proof = .asked
                return [.measure(seal.finalSequence)]
            }
            if measurement == seal {
                proof = .equal
                return ask(.confirm(seal), now)
            }
            proof = .differs
            complaint = .checksumDiffers
            return ask(.abort(.checksumDiffers), now)
        case .committed(_, let last):
            if applied < last { return [.follow(to: last)] }
            ending = .committed
            return []
        }
    }

    private mutating func ask(_ write: MoveWrite, _ now: MonotonicNanoseconds) -> [Action] {
        guard attempts.mayAsk(now) else { return [] }
        attempts.asked()
        return [.write(write)]
    }
}
