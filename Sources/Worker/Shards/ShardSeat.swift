import Core
import Ownership

/// One shard's place at this worker: what there is to do with it, and its copy, if there is one.
///
/// Only `ShardSteward` tells the duty anything. Confined to the worker's event loop.
final class ShardSeat: @unchecked Sendable {
    // @unchecked: confined to the loop's event loop.
    let shard: ShardID
    var duty: ShardDuty
    /// In memory, served or not.
    var copy: ShardHost?
    /// Reads that wait for the end of a hand-off's commit.
    private var heldReads = ReadsThatWait<Void>(countMax: heldReadsMax)

    /// Whether this worker is to keep a warm copy while another serves the shard.
    var standsBy = false
    /// It is in the line of those that are to be read from PostgreSQL.
    var isLoadWanted = false
    /// As what it is being read from PostgreSQL: by one pass, or by two when it became more urgent.
    var readings: [LoadLine.Rank] = []
    /// It is not read again before; 0: at once.
    var loadNotBefore: MonotonicNanoseconds = 0
    /// The duty is to be told when no wide write is going on, and no payment.
    var waitsForWide = false
    /// … when nothing is on its way to PostgreSQL, with what the memory is then.
    var waitsForQuiet = false
    /// … what the memory is at this change.
    var measuresAt: ChangeSequence?

    static let heldReadsMax = 4096

    init(_ shard: ShardID) {
        self.shard = shard
        duty = ShardDuty(shard, of: WorkerInstanceID(0))
    }

    /// Keeps a read; false when too many wait.
    func hold(until: MonotonicNanoseconds, _ wake: @escaping (Waking) -> Void) -> Bool {
        heldReads.add((), until: until, wake)
    }

    func takeHeldReads() -> [(Waking) -> Void] { heldReads.takeAll() }

    /// Takes the reads out that have waited for too long, here or for a change of the copy.
    func takeExpiredReads(_ now: MonotonicNanoseconds) -> [(Waking) -> Void] {
        heldReads.takeExpired(now) + (copy?.takeExpiredReads(now) ?? [])
    }

    func forgetWaits() {
        waitsForWide = false
        waitsForQuiet = false
        measuresAt = nil
    }

    /// Whether the duty is the one that `standsBy` asks for, as far as that is to be said.
    var isStandingBy: Bool { if case .warm(_, until: nil) = duty.state { true } else { false } }

    /// Whether time or the shard's last change can be news to the duty.
    var isUnsettled: Bool {
        switch duty.state {
        case .idle, .serving: false
        case .loading, .refreshing, .handingOff, .following, .warm: true
        }
    }

    /// The epoch at which this worker pays the shard's commissions; nil: it does not. Payments need no memory, so they go on while it is read.
    var paysAt: Epoch? {
        switch duty.state {
        case .loading(let epoch), .refreshing(let epoch), .serving(let epoch): epoch
        case .handingOff(let epoch, let source): source.beginsWideWrites ? epoch : nil
        case .idle, .following, .warm: nil
        }
    }
}
