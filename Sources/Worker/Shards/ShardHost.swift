import Core
import Frames
import Hierarchy

/// One shard in this worker's memory, served or followed: its partition, how far it has followed the shard's changes, and what waits for it.
///
/// Changes to a shard happen one at a time: a write with its commit, or a catch-up with what others have committed. Reads go on meanwhile.
/// What may be asked of it, and at which epoch, the shard's duty says (`ShardSeat`). Confined to the worker's event loop.
final class ShardHost {
    let shard: ShardID
    /// At which it is served; 0 before.
    private(set) var epoch = Epoch(0)
    @exclusivity(unchecked) private(set) var partition: Partition
    /// The last change that the partition contains.
    @exclusivity(unchecked) private(set) var applied: ChangeSequence
    /// Rises with each change; what has been computed from the partition is kept by it.
    private(set) var version: UInt64 = 0

    /// What is to be done to this shard, one after the other.
    private var jobs: [ShardJob] = []
    private(set) var isBusy = false
    /// Whether what is going on is a move of a subtree.
    private(set) var isMoving = false
    private var isCatchUpQueued = false
    /// Reads that wait for a change that this worker has not seen yet.
    private var waiting = ReadsThatWait<ChangeSequence>(countMax: waitingMax)
    /// Small changes since the snapshot that is being rebuilt elsewhere; nil when none is.
    private var replay: [ResolvedChange]?
    private var foldNumber = 0
    private var rankings: [RankingMetric: (version: UInt64, limit: Int, entries: [RankingEntry])] = [:]
    private var measurement = ContentsMeasurement()

    /// Up to so many affiliates a rebuild takes well under a millisecond and is done in place.
    static let rebuildInPlaceMax = 16_384
    static let jobsMax = 4096
    static let waitingMax = 4096

    init(shard: ShardID, partition: Partition, applied: ChangeSequence) {
        self.shard = shard
        self.partition = partition
        self.applied = applied
    }

    func serve(at epoch: Epoch) { self.epoch = epoch }

    // MARK: Jobs

    /// Puts a job at the end of the shard's line; false when the line is too long.
    func add(_ job: ShardJob) -> Bool {
        if case .catchUp = job.kind {
            // One that has not begun will see all that this one would.
            if isCatchUpQueued { return true }
            isCatchUpQueued = true
            // Writes may be held, and there is never more than one of these.
            jobs.append(job)
            return true
        }
        guard jobs.count < Self.jobsMax else { return false }
        jobs.append(job)
        return true
    }

    /// The next job to begin, or nil while one is going on or none may begin. The caller must end it with `jobEnded`.
    /// - Parameter mayBegin: whether such a write may begin now. A catch-up always may; what may begin goes before writes that are held.
    func nextJob(_ mayBegin: (ShardJob.Kind) -> Bool) -> ShardJob? {
        guard !isBusy, let index = jobs.firstIndex(where: { $0.kind.isCatchUp || mayBegin($0.kind) }) else { return nil }
        let job = jobs.remove(at: index)
        isBusy = true
        if job.kind.isCatchUp { isCatchUpQueued = false }
        if case .move = job.kind { isMoving = true }
        return job
    }

    func jobEnded() {
        isBusy = false
        isMoving = false
    }

    var hasJobs: Bool { isBusy || !jobs.isEmpty }

    /// Whether a caller's job waits in the line: anything but a catch-up.
    var hasCallers: Bool { jobs.count > (isCatchUpQueued ? 1 : 0) }

    /// Takes the jobs out of the line that nobody waits for any more.
    func takeExpired(_ now: MonotonicNanoseconds) -> [ShardJob] {
        guard jobs.contains(where: { $0.deadline < now }) else { return [] }
        let expired = jobs.filter { $0.deadline < now }
        jobs.removeAll { $0.deadline < now }
        return expired
    }

    /// All jobs and reads that have not begun, when the shard goes elsewhere.
    func abandon() -> (jobs: [ShardJob], waiting: [(Waking) -> Void]) {
        defer {
            jobs = []
            isCatchUpQueued = false
        }
        return (jobs, waiting.takeAll())
    }

    // MARK: Waiting reads

    /// Keeps a read until the change has been applied; false when too many wait.
    func wait(for sequence: ChangeSequence, until: MonotonicNanoseconds, _ wake: @escaping (Waking) -> Void) -> Bool {
        waiting.add(sequence, until: until, wake)
    }

    var isWaitedFor: Bool { !waiting.isEmpty }

    /// Takes the reads out that nobody waits for any more.
    func takeExpiredReads(_ now: MonotonicNanoseconds) -> [(Waking) -> Void] { waiting.takeExpired(now) }

    private func wakeWaiting() { for wake in waiting.take(where: { $0 <= applied }) { wake(.again) } }

    // MARK: Changes

    /// Applies a change that needs no new arrays: anything but an edit.
    func applyInPlace(_ change: ResolvedChange) throws(PartitionError) {
        switch change {
        case .join(let row):
            if let node = partition.find(row.id) {
                try setStatus(row.status, of: node)
            } else {
                do {
                    measurement.added(to: partition, try partition.join(row))
                } catch  where error.code == .overlayFull {
                    try rebuildNow()
                    measurement.added(to: partition, try partition.join(row))
                }
            }
        case .status(let id, let status):
            // An affiliate that has left since the change was made is none of ours any more.
            if let node = partition.find(id) { try setStatus(status, of: node) }
        case .edit: preconditionFailure("an edit needs new arrays")
        }
        replay?.append(change)
        version &+= 1
    }

    private func setStatus(_ status: AffiliateStatus, of node: Node) throws(PartitionError) {
        measurement.removed(from: partition, node)
        try partition.setStatus(status, of: partition.id(of: node))
        measurement.added(to: partition, node)
    }

    /// The change `sequence` is in the partition.
    func advance(to sequence: ChangeSequence) {
        applied = max(applied, sequence)
        version &+= 1
        wakeWaiting()
    }

    /// Folds the overlay into the arrays, here and now.
    func rebuildNow() throws(PartitionError) {
        exchange(for: try partition.snapshot().rebuilt())
    }

    /// Puts arrays with the same contents in place of these. A fold that is going on elsewhere is no use any more.
    private func exchange(for newer: Partition) {
        partition = newer
        replay = nil
        foldNumber += 1
        version &+= 1
    }

    /// Puts other arrays in place of these, which with `statuses` contain the change `sequence`.
    func replace(_ newer: Partition, and statuses: [ResolvedChange], _ sequence: ChangeSequence) throws(PartitionError) {
        exchange(for: newer)
        measurement.contentsChanged()
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
        // The changes are in the measurement already.
        exchange(for: folded)
        let known = measurement
        for change in changes { try applyInPlace(change) }
        measurement = known
    }

    // MARK: The checksum

    /// Of the contents as they are now, if they are being measured and that is done.
    var checksum: UInt64? { measurement.checksum }

    /// Whether somebody has to pass over the contents to know their checksum.
    var needsMeasuring: Bool { measurement.needsPass }

    /// A snapshot to measure on another thread, and the number to give back with the result. Changes are followed from now on.
    func beginMeasuring() -> (snapshot: PartitionSnapshot, number: Int) { (partition.snapshot(), measurement.beginPass()) }

    func endMeasuring(_ checksum: UInt64, number: Int) { measurement.endPass(checksum, number: number) }

    /// Changes cost less again.
    func stopMeasuring() { measurement.contentsChanged() }

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

        var isCatchUp: Bool { if case .catchUp = self { true } else { false } }
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
