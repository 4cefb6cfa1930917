import Core
import Ownership

/// A shard in a worker's memory.
struct Copy {
    var applied: ChangeSequence
    var members: Members
}

/// All that a worker keeps of one shard.
struct ShardPlace {
    struct Waiting {
        var request: Request
        var answer: Answering
    }

    /// A write that PostgreSQL has been asked for.
    struct Job {
        var waiting: Waiting
        var epoch: Epoch
        var isWide: Bool
        /// It is committed; answered once the copy contains this change.
        var sequence: ChangeSequence?
    }

    var duty: ShardDuty
    var copy: Copy?
    var line: [Waiting] = []
    var job: Job?
    var heldReads: [Waiting] = []
    /// Reads that wait for a change of others, and from whom it is known.
    var intake: [Waiting] = []
    var isTakingIn = false
    var isPaying = false
    var isLoading = false
    var followsUnderWay = 0
    var waitsForWide = false
    var waitsForQuiet = false

    init(_ duty: ShardDuty) { self.duty = duty }

    /// Whether nothing of this shard is on its way to PostgreSQL.
    var isQuiet: Bool { job == nil && !isTakingIn && !isPaying }
    var isIdle: Bool { isQuiet && line.isEmpty && heldReads.isEmpty && intake.isEmpty }
}
