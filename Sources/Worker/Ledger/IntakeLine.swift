import Core
import Frames
import Logging
import NIOCore
import PostgresClient
import Store

/// The line of transactions that wait to be committed. One group at a time is on its way to PostgreSQL; what arrives meanwhile is the next
/// group, so groups grow with the load and a single transaction waits for nobody. Confined to the worker's event loop.
final class IntakeLine: @unchecked Sendable {
    // @unchecked: confined to the loop's event loop; tasks carry values only.
    struct Entry {
        var transaction: NewTransaction
        var epoch: Epoch
        /// Of the shard's duty when the transaction was checked: its upline is that of the memory which the shard had then.
        var generation: UInt64
        var limits: WaitLimits
        var reply: BatchReply
        var index: Int

        /// About how much memory it holds.
        var bytes: Int {
            256 + transaction.externalID.utf8.count + (transaction.metadata?.utf8.count ?? 0) + transaction.upline.count * 8
                + transaction.inactiveDistances.count * 2
        }
    }

    private unowned let loop: WorkerLoop
    private let pool: PostgresPool
    private let instance: WorkerInstanceID
    private let logger: Logger
    /// Told of what is committed, to add the jobs. From any thread.
    private let onAccepted: @Sendable ([CommissionPayment.Order]) -> Void
    private var waiting = EntryLine()
    /// Those that were held and are not any more: they go before those that came later.
    private var resumed = EntryLine()
    /// Those whose shards are not written to for now; asked about again when that changes (`resume`).
    private var held: [ShardID: [Entry]] = [:]
    /// The shards of the group that is on its way.
    private var committing: Set<ShardID> = []
    /// Of all that wait, held or not.
    private var count = 0
    private var bytes = 0
    private var isBusy = false
    private var sweeping: RepeatedTask?
    private var numbers = TransactionNumbers()
    private var onIdle: [() -> Void] = []

    /// How many transactions wait at most, and how many bytes of them; more are refused as overload.
    static let waitingMax = 50_000
    static let waitingBytesMax = 64 << 20
    /// How often those are looked for that nobody waits for any more. Milliseconds.
    private static let sweepMilliseconds: Int64 = 250
    /// How long a group whose commit is in doubt is asked about before its callers are told so.
    private static let doubtMilliseconds = 10_000

    init(
        loop: WorkerLoop, pool: PostgresPool, instance: WorkerInstanceID, logger: Logger,
        onAccepted: @escaping @Sendable ([CommissionPayment.Order]) -> Void
    ) {
        self.loop = loop
        self.pool = pool
        self.instance = instance
        self.logger = logger
        self.onAccepted = onAccepted
        let interval = TimeAmount.milliseconds(Self.sweepMilliseconds)
        let line = LoopConfined(self)
        sweeping = loop.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in line.value.settleExpired()
        }
    }

    /// The line takes nothing more: another instance of this worker has one of its own. What waits is told to go there.
    func close() {
        sweeping?.cancel()
        sweeping = nil
        settle { _ in TransactionReceipt(.notOwner) }
    }

    /// Whether transactions of this shard are on their way to PostgreSQL.
    func isCommitting(_ shard: ShardID) -> Bool { committing.contains(shard) }

    /// The shard is written to again, or went elsewhere.
    func resume(_ shard: ShardID) {
        guard let entries = held.removeValue(forKey: shard) else { return }
        resumed.append(entries)
        pump()
    }

    /// The shard's memory is given up: transactions that are held have uplines of that memory, and are to be sent again.
    func giveBack(_ shard: ShardID) {
        for entry in held.removeValue(forKey: shard) ?? [] { settle(entry, TransactionReceipt(.notYet)) }
    }

    /// Calls back once nothing waits and nothing is on its way.
    func whenIdle(_ then: @escaping () -> Void) {
        onIdle.append(then)
        pump()
    }

    /// While a group is on its way for long, or a shard is held, whoever has stopped waiting gets an answer and makes room; and whoever is held for
    /// long is to be sent again.
    private func settleExpired() {
        let now = monotonicNow()
        settle { $0.limits.deadline < now ? TransactionReceipt(.deadlineExceeded) : nil }
        for shard in Array(held.keys) {
            guard let entries = held[shard], entries.contains(where: { $0.limits.heldUntil < now }) else { continue }
            held[shard] = entries.filter { entry in
                guard entry.limits.heldUntil < now else { return true }
                settle(entry, TransactionReceipt(.notYet))
                return false
            }
        }
    }

    /// Answers those of all that wait for whom there is an answer, and forgets them.
    private func settle(_ receipt: (Entry) -> TransactionReceipt?) {
        func isSettled(_ entry: Entry) -> Bool {
            guard let receipt = receipt(entry) else { return false }
            settle(entry, receipt)
            return true
        }
        waiting.remove(where: isSettled)
        resumed.remove(where: isSettled)
        for shard in Array(held.keys) { held[shard]?.removeAll(where: isSettled) }
    }

    private func settle(_ entry: Entry, _ receipt: TransactionReceipt) {
        leave(entry)
        entry.reply.settle(entry.index, receipt)
    }

    private func leave(_ entry: Entry) {
        count -= 1
        bytes -= entry.bytes
    }

    /// Puts a transaction that has been checked into the line.
    func add(_ entry: Entry) {
        guard count < Self.waitingMax, bytes < Self.waitingBytesMax else {
            entry.reply.settle(entry.index, TransactionReceipt(.overloaded))
            return
        }
        waiting.append(entry)
        count += 1
        bytes += entry.bytes
    }

    /// Sends the next group off, if none is on its way.
    func pump() {
        guard !isBusy else { return }
        let now = monotonicNow()
        var group: [Entry] = []
        group.reserveCapacity(min(count, TransactionIntake.groupMax))
        while group.count < TransactionIntake.groupMax, let entry = resumed.popFirst() ?? waiting.popFirst() {
            let seat = loop.seat(entry.transaction.shard)
            switch seat.duty.write() {
            case .serve(let epoch) where epoch == entry.epoch && seat.duty.generation == entry.generation:
                if entry.limits.deadline < now {
                    settle(entry, TransactionReceipt(.deadlineExceeded))
                } else {
                    leave(entry)
                    group.append(entry)
                }
            case .hold where seat.duty.generation == entry.generation: held[seat.shard, default: []].append(entry)
            // Its upline is that of a memory which this worker has given up since.
            case let reason: settle(entry, loop.receipt(reason, seat))
            }
        }
        guard !group.isEmpty else {
            for then in onIdle { then() }
            onIdle = []
            return
        }
        isBusy = true
        commit(group)
    }

    private func commit(_ group: [Entry]) {
        var epochs: [ShardID: Epoch] = [:]
        for entry in group { epochs[entry.transaction.shard] = entry.epoch }
        committing = Set(epochs.keys)
        let fence = ShardFence(owner: instance, shards: epochs.map { ($0.key, $0.value) })
        let transactions = group.map(\.transaction)
        let line = LoopConfined((self, group))
        let eventLoop = loop.eventLoop
        let attempt = IntakeAttempt(pool: pool, fence: fence, numbers: numbers, logger: logger)
        let onAccepted = onAccepted
        Task {
            let result = await attempt.commit(transactions, doubtMilliseconds: Self.doubtMilliseconds)
            if !result.orders.isEmpty {
                FailPoint.intakeAfterCommit.pass()
                onAccepted(result.orders)
            }
            eventLoop.execute { line.value.0.finish(line.value.1, result) }
        }
    }

    private func finish(_ group: [Entry], _ result: IntakeAttempt.Result) {
        numbers = result.numbers
        isBusy = false
        let ended = committing
        committing = []
        for (entry, receipt) in zip(group, result.receipts) {
            guard receipt.outcome == .notOwner else {
                entry.reply.settle(entry.index, receipt)
                continue
            }
            // PostgreSQL has refused the epoch.
            let seat = loop.seat(entry.transaction.shard)
            loop.steward?.tell(seat) { $0.fenced(at: entry.epoch) }
            entry.reply.settle(entry.index, loop.receipt(seat.duty.write(), seat))
        }
        pump()
        for shard in ended { loop.steward?.progress(loop.seat(shard)) }
    }
}

/// Transactions in the order in which they came; taking one costs the same however many there are.
private struct EntryLine {
    private var entries: [IntakeLine.Entry] = []
    /// The first; those before it are taken.
    private var head = 0

    mutating func append(_ entry: IntakeLine.Entry) { entries.append(entry) }
    mutating func append(_ more: [IntakeLine.Entry]) { entries += more }

    mutating func popFirst() -> IntakeLine.Entry? {
        guard head < entries.count else { return nil }
        let entry = entries[head]
        head += 1
        // Each is moved at most once on the average.
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.count <= Self.keptMax)
            head = 0
        } else if head > Self.keptMax, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return entry
    }

    mutating func remove(where isMeant: (IntakeLine.Entry) -> Bool) {
        entries.removeFirst(head)
        head = 0
        entries.removeAll(where: isMeant)
    }

    /// Room for so many is kept.
    private static let keptMax = 1024
}
