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
        /// Nobody waits for it after this moment.
        var deadline: MonotonicNanoseconds
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
    private var waiting: [Entry] = []
    /// Those whose shards are not written to for now; asked about again when that changes (`resume`).
    private var held: [Entry] = []
    /// The shards of the group that is on its way.
    private var committing: Set<ShardID> = []
    private var waitingBytes = 0
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
        for entry in waiting + held { entry.reply.settle(entry.index, TransactionReceipt(.notOwner)) }
        waiting = []
        held = []
        waitingBytes = 0
    }

    /// Whether transactions of this shard are on their way to PostgreSQL.
    func isCommitting(_ shard: ShardID) -> Bool { committing.contains(shard) }

    /// The shard is written to again, or went elsewhere.
    func resume(_ shard: ShardID) {
        let resumed = held.filter { $0.transaction.shard == shard }
        guard !resumed.isEmpty else { return }
        held.removeAll { $0.transaction.shard == shard }
        waiting = resumed + waiting
        pump()
    }

    /// Calls back once nothing waits and nothing is on its way.
    func whenIdle(_ then: @escaping () -> Void) {
        onIdle.append(then)
        pump()
    }

    /// While a group is on its way for long, or a shard is held, whoever has stopped waiting gets an answer and makes room.
    private func settleExpired() {
        let now = monotonicNow()
        let isExpired = { (entry: Entry) in entry.deadline < now }
        guard waiting.contains(where: isExpired) || held.contains(where: isExpired) else { return }
        for entry in (waiting + held).filter(isExpired) {
            entry.reply.settle(entry.index, TransactionReceipt(.deadlineExceeded))
        }
        waiting.removeAll(where: isExpired)
        held.removeAll(where: isExpired)
        waitingBytes = (waiting + held).reduce(0) { $0 + $1.bytes }
    }

    /// Puts a transaction that has been checked into the line.
    func add(_ entry: Entry) {
        guard waiting.count + held.count < Self.waitingMax, waitingBytes < Self.waitingBytesMax else {
            entry.reply.settle(entry.index, TransactionReceipt(.overloaded))
            return
        }
        waiting.append(entry)
        waitingBytes += entry.bytes
    }

    /// Sends the next group off, if none is on its way.
    func pump() {
        guard !isBusy else { return }
        guard !waiting.isEmpty else {
            for then in onIdle { then() }
            onIdle = []
            return
        }
        let now = monotonicNow()
        var group: [Entry] = []
        group.reserveCapacity(min(waiting.count, TransactionIntake.groupMax))
        var taken = 0
        for entry in waiting {
            guard group.count < TransactionIntake.groupMax else { break }
            taken += 1
            waitingBytes -= entry.bytes
            let seat = loop.seat(entry.transaction.shard)
            switch seat.duty.write() {
            case .serve(let epoch) where epoch == entry.epoch:
                if entry.deadline < now {
                    entry.reply.settle(entry.index, TransactionReceipt(.deadlineExceeded))
                } else {
                    group.append(entry)
                }
            case .hold:
                held.append(entry)
                waitingBytes += entry.bytes
            // Its upline is that of a memory which this worker has given up since.
            case let reason: entry.reply.settle(entry.index, loop.receipt(reason, seat))
            }
        }
        waiting.removeFirst(taken)
        guard !group.isEmpty else { return pump() }
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
