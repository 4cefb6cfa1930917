import Core

/// The number of one move of a shard: `shard_move.move_id`.
package struct MoveID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// What a source has sealed: the last change its memory contains, and the checksum of that memory.
package struct Seal: Hashable, Sendable {
    package var finalSequence: ChangeSequence
    /// Over all affiliates of the shard, in any order; the column has the same 64 bits.
    package var checksum: UInt64

    package init(finalSequence: ChangeSequence, checksum: UInt64) {
        self.finalSequence = finalSequence
        self.checksum = checksum
    }
}

/// Why a move was given up. The raw value stands in `shard_move.abort_reason`.
package enum AbortReason: String, Sendable, CaseIterable {
    case holdDeadline = "hold_deadline"
    case settleDeadline = "settle_deadline"
    case moveDeadline = "move_deadline"
    case sourceLost = "source_lost"
    case targetLost = "target_lost"
    case loadFailed = "load_failed"
    case checksumDiffers = "checksum_differs"
    case copyLost = "copy_lost"
    case outcomeUnknown = "outcome_unknown"
    case ownerChanged = "owner_changed"
    case `operator` = "operator"

    /// Whether the same move may well succeed a little later.
    package var isPassing: Bool {
        switch self {
        case .holdDeadline, .settleDeadline, .moveDeadline, .loadFailed, .copyLost, .outcomeUnknown: true
        case .sourceLost, .targetLost, .checksumDiffers, .ownerChanged, .operator: false
        }
    }
}

/// A row of `shard_move` as it was read: one hand-off, and how far it is. The states and who sets them: `docs/design/handoff.md`.
package struct ShardMove: Equatable, Sendable {
    /// How far a move is. The names are those of the column `state`.
    package enum Stage: Equatable, Sendable {
        case preparing
        case ready
        case sealed(Seal)
        case confirmed(Seal)
        /// The target owns the shard, whose last change was then `at`.
        case committed(Seal, at: ChangeSequence)
        /// `warm`: the target had a copy by then (`aborted_in` is `ready` or later).
        case aborted(AbortReason, warm: Bool)
    }

    package let id: MoveID
    package let shard: ShardID
    package let source: WorkerInstanceID
    package let target: WorkerInstanceID
    /// The shard's epoch when the move was ordered; the target will have the next one.
    package let fromEpoch: Epoch
    package var stage: Stage
    /// Never change.
    package let limits: Limits

    /// What the plan that asked for the move allows: columns of the row.
    package struct Limits: Equatable, Sendable {
        /// How many changes the target may be behind to be ready.
        package var lagMax: ChangeSequence
        /// From the first held write to giving the move up. Nanoseconds.
        package var writeHoldMax: UInt64

        package init(lagMax: ChangeSequence = 256, writeHoldMax: UInt64 = 1_000_000_000) {
            self.lagMax = lagMax
            self.writeHoldMax = writeHoldMax
        }
    }

    package init(
        id: MoveID, shard: ShardID, source: WorkerInstanceID, target: WorkerInstanceID, fromEpoch: Epoch,
        stage: Stage = .preparing, limits: Limits = Limits()
    ) {
        self.limits = limits
        self.id = id
        self.shard = shard
        self.source = source
        self.target = target
        self.fromEpoch = fromEpoch
        self.stage = stage
    }

    /// The epoch at which the target will own the shard.
    package var nextEpoch: Epoch { Epoch(fromEpoch.rawValue + 1) }

    package var isActive: Bool {
        switch stage {
        case .preparing, .ready, .sealed, .confirmed: true
        case .committed, .aborted: false
        }
    }

    /// Whether this reading of a row is younger than `other`, or as young: answers may arrive in another order than they were given.
    package func isAsNew(as other: ShardMove) -> Bool {
        (stage.rank, stage.sealedSequence) >= (other.stage.rank, other.stage.sealedSequence)
    }
}

extension ShardMove.Stage {
    fileprivate var rank: Int {
        switch self {
        case .preparing: 0
        case .ready: 1
        case .sealed: 2
        case .confirmed: 3
        case .committed, .aborted: 4
        }
    }

    /// A shard can be sealed again, further on; everything after that has one seal.
    fileprivate var sealedSequence: ChangeSequence { if case .sealed(let seal) = self { seal.finalSequence } else { 0 } }

    /// The word of the column `state`.
    package var name: String {
        switch self {
        case .preparing: "preparing"
        case .ready: "ready"
        case .sealed: "sealed"
        case .confirmed: "confirmed"
        case .committed: "committed"
        case .aborted: "aborted"
        }
    }
}
