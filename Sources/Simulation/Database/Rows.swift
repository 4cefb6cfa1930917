import Core
import Ownership

/// Who is in a shard, and who of them is active: a bit for each affiliate, of whom a run has 64 at most.
struct Members: Equatable {
    var all: UInt64 = 0
    var active: UInt64 = 0

    var checksum: UInt64 {
        var hash = (all &* 0x9E37_79B9_7F4A_7C15) ^ (active &* 0xC2B2_AE3D_27D4_EB4F)
        hash ^= hash >> 29
        return hash &* 0x94D0_49BB_1331_11EB
    }

    mutating func apply(_ change: Change) {
        switch change.what {
        case .joined(let bit):
            all |= bit
            active |= bit
        case .status(let bit, let isActive): if isActive { active |= bit } else { active &= ~bit }
        case .left(let bits):
            all &= ~bits
            active &= ~bits
        case .arrived(let bits, let activeBits):
            all |= bits
            active |= activeBits
        }
    }

    /// Who earns by a transaction of this affiliate: a stand-in for its upline.
    func upline(of bit: UInt64) -> UInt64 { all & (bit &- 1) & active }
}

struct Change {
    enum What {
        case joined(UInt64)
        case status(UInt64, Bool)
        case left(UInt64)
        case arrived(UInt64, active: UInt64)
    }

    var what: What
    /// The caller's key of the request that made it; 0: none.
    var key: Int
}

struct ShardRow {
    var owner: WorkerInstanceID?
    var epoch = Epoch(0)
    /// Every state the shard has had; the index is the change's number.
    var states: [Members] = [Members()]
    var changes: [Change] = []

    var last: ChangeSequence { ChangeSequence(changes.count) }
    var members: Members { states[states.count - 1] }
}

struct LeaseRow {
    var worker: Int
    var expiresAt: UInt64
}

struct TransactionRow {
    var key: Int
    var shard: Int
    var upline: UInt64
    var acceptedAt: VirtualTime
    var isProcessed = false
    /// Payments, each the number of those who earn.
    var payments: [Int] = []
}

/// A request that changes something.
enum WriteKind: Equatable {
    case join
    case status(UInt64, Bool)
    /// Some affiliates go to another shard.
    case move(UInt64, to: Int)

    var isWide: Bool { if case .move = self { true } else { false } }
}
