import Core
import Frames
import Hierarchy

/// One shard that this worker serves: its partition, how far it has followed the shard's changes, and what waits for it.
///
/// Changes to a shard happen one at a time: a write with its commit, or a catch-up with what others have committed. Reads go on meanwhile.
/// Confined to the worker's event loop.
final class ShardHost {
    let shard: ShardID
    let epoch: Epoch
    @exclusivity(unchecked) private(set) var partition: Partition
    /// The last change that the partition contains.
    @exclusivity(unchecked) private(set) var applied: ChangeSequence
    /// Rises with each change; what has been computed from the partition is kept by it.
    private(set) var version: UInt64 = 0

    /// What is to be done to this shard, one after the other.
    private var jobs: [ShardJob] = []
    private var isBusy = false
    private var isCatchUpQueued = false
    /// Reads that wait for a change that this worker has not seen yet.
    private var waiting: [(sequence: ChangeSequence, answer: () -> Void)] = []
    /// Small changes since the snapshot that is being rebuilt elsewhere; nil when none is.
    private var replay: [ResolvedChange]?
    private var foldNumber = 0
    private var rankings: [RankingMetric: (version: UInt64, limit: Int, entries: [RankingEntry])] = [:]

    /// Up to so many affiliates a rebuild takes well under a millisecond and is done in place.
    static let rebuildInPlaceMax = 16_384
    static let jobsMax = 4096
    static let waitingMax = 4096

    init(shard: ShardID, epoch: Epoch, partition: Partition, applied: ChangeSequence) {
        self.shard = shard
        self.epoch = epoch
        self.partition = partition
        self.applied = applied
    }

    // MARK: Jobs

    /// Puts a job at the end of the shard's line; false when the line is too long.
    func add(_ job: ShardJob) -> Bool {
        if case .catchUp = job.kind {
            // One that has not begun will see all that this one would.
            if isCatchUpQueued { return true }
            isCatchUpQueued = true
        }
        guard jobs.count < Self.jobsMax else { return false }
        jobs.append(job)
        return true
    }

    /// The next job to begin, or nil while one is going on or none is left. The caller must end it with `jobEnded`.
    func nextJob() -> ShardJob? {
        guard !isBusy, !jobs.isEmpty else { return nil }
        isBusy = true
        if case .catchUp = jobs[0].kind { isCatchUpQueued = false }
        return jobs.removeFirst()
    }

    func jobEnded() { isBusy = false }

    var hasJobs: Bool { isBusy || !jobs.isEmpty }

    /// All jobs and reads that have not begun, when the shard goes elsewhere.
    func abandon() -> (jobs: [ShardJob], waiting: [() -> Void]) {
        defer {
            jobs = []
            isCatchUpQueued = false
            waiting = []
        }
        return (jobs, waiting.map(\.answer))
    }

    // MARK: Waiting reads

    /// Keeps `answer` until the change has been applied; false when too many wait.
    func wait(for sequence: ChangeSequence, _ answer: @escaping () -> Void) -> Bool {
        guard waiting.count < Self.waitingMax else { return false }
        waiting.append((sequence, answer))
        return true
    }

    private func wakeWaiting() {
        guard !waiting.isEmpty else { return }
        let ready = waiting.filter { $0.sequence <= applied }
        waiting.removeAll { $0.sequence <= applied }
        for read in ready { read.answer() }
    }

    // MARK: Changes

    /// Applies a change that needs no new arrays: anything but an edit.
    func applyInPlace(_ change: ResolvedChange) throws(PartitionError) {
        switch change {
        case .join(let row):
            if partition.find(row.id) != nil {
                try partition.setStatus(row.status, of: row.id)
            } else {
                do {
                    _ = try partition.join(row)
                } catch  where error.code == .overlayFull {
                    try rebuildNow()
                    _ = try partition.join(row)
                }
            }
        case .status(let id, let status):
            // An affiliate that has left since the change was made is none of ours any more.
            if partition.find(id) != nil { try partition.setStatus(status, of: id) }
        case .edit: preconditionFailure("an edit needs new arrays")
        }
        replay?.append(change)
        version &+= 1
    }

    /// The change `sequence` is in the partition.
    func advance(to sequence: ChangeSequence) {
        applied = max(applied, sequence)
        version &+= 1
        wakeWaiting()
    }

    /// Folds the overlay into the arrays, here and now.
    func rebuildNow() throws(PartitionError) {
        replace(try partition.snapshot().rebuilt())
    }

    /// Puts other arrays in place of these. A fold that is going on elsewhere is no use any more.
    func replace(_ newer: Partition) {
        partition = newer
        replay = nil
        foldNumber += 1
        version &+= 1
    }

    /// Puts other arrays in place of these, which with `statuses` contain the change `sequence`.
    func replace(_ newer: Partition, and statuses: [ResolvedChange], _ sequence: ChangeSequence) throws(PartitionError) {
        replace(newer)
        for change in statuses { try applyInPlace(change) }
        advance(to: sequence)
    }

    /// Whether the overlay should be folded in now; in place where that is quick.
    var needsFold: Bool { replay == nil && partition.needsRebuild }
    var isSmall: Bool { partition.affiliateCount <= Self.rebuildInPlaceMax }

    /// A snapshot to fold on another thread, and the number to give back with the result. Small changes are noted from now on.
    func beginFold() -> (snapshot: PartitionSnapshot, number: Int) {
        replay = []
        return (partition.snapshot(), foldNumber)
    }

    /// Takes the folded partition, brought up to date. Ignored if the arrays have been replaced since.
    func endFold(_ folded: Partition, number: Int) throws(PartitionError) {
        guard number == foldNumber, let changes = replay else { return }
        replace(folded)
        for change in changes { try applyInPlace(change) }
    }

    // MARK: Rankings

    /// The best of the shard; computed once for each state of the partition.
    func top(by metric: RankingMetric, limit: Int) -> ArraySlice<RankingEntry> {
        if let known = rankings[metric], known.version == version, known.limit >= limit { return known.entries.prefix(limit) }
        let entries = partition.top(by: metric, limit: limit)
        rankings[metric] = (version, limit, entries)
        return entries.prefix(limit)
    }
}

/// One thing to be done to a shard.
struct ShardJob {
    enum Kind {
        case join(JoinOrder)
        case setStatus(StatusOrder)
        case move(MoveOrder)
        case catchUp

        /// Whether it may take seconds, by the number of affiliates it concerns.
        var isWide: Bool {
            switch self {
            case .join, .setStatus: false
            case .move, .catchUp: true
            }
        }
    }

    var kind: Kind
    /// When nobody waits for it any more.
    var deadline: MonotonicNanoseconds
    var reply: ReplyAddress?
}

/// A change as it is applied: with the rows that it brings.
enum ResolvedChange: Sendable {
    case join(AffiliateRow)
    case status(AffiliateID, AffiliateStatus)
    /// Subtrees that leave, change their place or arrive.
    case edit(PartitionEdit)
}
