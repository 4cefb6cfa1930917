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
        for entry in waiting { entry.reply.settle(entry.index, TransactionReceipt(.notOwner)) }
        waiting = []
        waitingBytes = 0
    }

    /// Calls back once nothing waits and nothing is on its way.
    func whenIdle(_ then: @escaping () -> Void) {
        onIdle.append(then)
        pump()
    }

    /// While a group is on its way for long, whoever has stopped waiting gets an answer and makes room.
    private func settleExpired() {
        let now = monotonicNow()
        guard isBusy, waiting.contains(where: { $0.deadline < now }) else { return }
        for entry in waiting where entry.deadline < now {
            entry.reply.settle(entry.index, TransactionReceipt(.deadlineExceeded))
        }
        waiting.removeAll { $0.deadline < now }
        waitingBytes = waiting.reduce(0) { $0 + $1.bytes }
    }

    /// Puts a transaction that has been checked into the line.
    func add(_ entry: Entry) {
        guard waiting.count < Self.waitingMax, waitingBytes < Self.waitingBytesMax else {
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
            if loop.host(entry.transaction.shard)?.epoch != entry.epoch {
                // Its upline is that of a memory which this worker has given up since.
                entry.reply.settle(entry.index, TransactionReceipt(.notOwner))
            } else if entry.deadline < now {
                entry.reply.settle(entry.index, TransactionReceipt(.deadlineExceeded))
            } else {
                group.append(entry)
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
        for (entry, receipt) in zip(group, result.receipts) { entry.reply.settle(entry.index, receipt) }
        pump()
    }
}
