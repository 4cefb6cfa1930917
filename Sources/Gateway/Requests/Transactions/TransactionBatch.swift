import Core
import Frames

/// What PostgreSQL said about where an affiliate is.
enum LookUpAnswer {
    case at(LocatedShard)
    case nowhere
    case failed(Problem)
}

/// The transactions of one request on their way: which of them wait for what, and what became of the others.
///
/// It asks nobody itself. Its rounds: every transaction that is not settled is located, those whose affiliate nobody here knows are looked up,
/// then each worker concerned gets one frame; once all frames are answered, what is left goes into the next round.
final class TransactionBatch {
    private enum State: Equatable {
        /// Goes into the next frame of its shard's owner.
        case waiting(SentAway)
        /// Goes nowhere before its affiliate has been located, by PostgreSQL if what the directory says was found wrong.
        case unlocated(isDirectoryWrong: Bool)
        case lookingUp
        case sent
        case settled(TransactionResult)
    }

    /// Why a transaction is to be sent once more.
    enum SentAway {
        /// It is not: nobody has sent it away.
        case not
        /// Its shard is between two owners.
        case betweenOwners
        /// An owner does not serve the shard, or there is none.
        case unserved
    }

    private struct Entry {
        var state: State
        var shard = ShardID(rawValue: 0)
        /// The change the shard must have reached.
        var sequence: ChangeSequence = 0
    }

    let items: TransactionItems
    private var entries: [Entry]
    private(set) var settledCount = 0
    private(set) var lookUpsCount = 0
    /// What each worker has been sent and not answered yet.
    private var parts: [WorkerInstanceID: [Int]] = [:]
    /// How often frames have been sent.
    private(set) var roundsCount = 0

    /// A transaction is sent so often and no more, whatever the deadline.
    static let roundsMax = 32
    /// How long what was sent away waits for the next round: twice as long each time, and not long between two owners. Milliseconds.
    private static let unservedPause: ClosedRange<Int64> = 25...400
    private static let betweenOwnersPause: ClosedRange<Int64> = 5...100

    init(_ items: TransactionItems) {
        self.items = items
        entries = items.items.map { Entry(state: $0.fault.map { .settled(.faulty($0)) } ?? .unlocated(isDirectoryWrong: false)) }
        settledCount = items.items.count { $0.fault != nil }
    }

    var count: Int { entries.count }
    var isSettled: Bool { settledCount == entries.count }
    /// Whether workers or PostgreSQL owe an answer.
    var isAsking: Bool { !parts.isEmpty || lookUpsCount > 0 }
    var askedWorkers: [WorkerInstanceID] { Array(parts.keys) }
    func waits(for worker: WorkerInstanceID) -> Bool { parts[worker] != nil }

    /// Bytes of memory it holds on to.
    var memoryBytes: Int { items.memoryBytes + entries.capacity * MemoryLayout<Entry>.stride }

    /// What became of a transaction; nil while that is open.
    func result(of index: Int) -> TransactionResult? {
        if case .settled(let result) = entries[index].state { result } else { nil }
    }

    // MARK: Where the affiliates are

    /// Locates what is not located. Returns the affiliates that have to be looked up, each once.
    func locate(_ shardOf: (AffiliateID) -> ShardID?) -> [AffiliateID] {
        var unknown: Set<AffiliateID> = []
        for index in entries.indices {
            guard case .unlocated(let isDirectoryWrong) = entries[index].state else { continue }
            let id = items.items[index].affiliate
            if !isDirectoryWrong, let shard = shardOf(id) {
                entries[index].shard = shard
                entries[index].state = .waiting(.not)
            } else {
                entries[index].state = .lookingUp
                unknown.insert(id)
            }
        }
        lookUpsCount += unknown.count
        return Array(unknown)
    }

    /// What has been looked up, or could not be: affiliates of `locate`, each answered once.
    func lookedUp(_ answers: [AffiliateID: LookUpAnswer]) {
        lookUpsCount -= answers.count
        for index in entries.indices where entries[index].state == .lookingUp {
            switch answers[items.items[index].affiliate] {
            case .at(let place):
                entries[index].shard = place.shard
                entries[index].sequence = place.sequence
                entries[index].state = .waiting(.not)
            case .nowhere: settle(&entries[index], .problem(.unknownSource))
            case .failed(let problem): settle(&entries[index], .problem(problem))
            case nil: continue
            }
        }
    }

    private func settle(_ entry: inout Entry, _ result: TransactionResult) {
        if case .settled = entry.state { return }
        entry.state = .settled(result)
        settledCount += 1
    }

    // MARK: Rounds

    /// Begins a round: the transactions that each worker gets now. Those whose shard cannot be reached wait for another round; nothing is sent
    /// after `roundsMax` rounds.
    func beginRound(_ reachOf: (ShardID) -> ShardReach) -> [WorkerInstanceID: [Int]] {
        roundsCount += 1
        for index in entries.indices {
            guard case .waiting = entries[index].state else { continue }
            guard roundsCount <= Self.roundsMax else {
                settle(&entries[index], .problem(.shardUnavailable))
                continue
            }
            switch reachOf(entries[index].shard) {
            case .worker(let owner):
                entries[index].state = .sent
                parts[owner, default: []].append(index)
            case .soon: entries[index].state = .waiting(.betweenOwners)
            case .nobody: entries[index].state = .waiting(.unserved)
            }
        }
        return parts
    }

    /// Writes the fields of the frame for `indexes`.
    func write(_ indexes: [Int], to frame: ByteBuilder) {
        frame.appendInteger(UInt32(indexes.count))
        for index in indexes {
            frame.appendTransactionOrder(
                shard: entries[index].shard.rawValue, sequence: entries[index].sequence, facts: items.facts(of: index))
        }
    }

    /// Takes a worker's receipts; false if they make no sense, and then its transactions are settled as a fault of ours.
    /// - Parameter moved: told which worker has a shard, at which epoch, as far as this one knows.
    func receive(
        _ fields: FieldReader, from worker: WorkerInstanceID, moved: (ShardID, WorkerInstanceID, Epoch) -> Void
    ) -> Bool {
        guard let indexes = parts.removeValue(forKey: worker) else { return true }
        var fields = fields
        var receipts: [TransactionReceipt] = []
        receipts.reserveCapacity(indexes.count)
        while receipts.count < indexes.count, let receipt = TransactionReceipt(from: &fields) { receipts.append(receipt) }
        guard receipts.count == indexes.count, fields.isAtEnd else {
            for index in indexes { settle(&entries[index], .problem(.internalError)) }
            return false
        }
        for (index, receipt) in zip(indexes, receipts) {
            switch receipt.meaning {
            case .result(let result): settle(&entries[index], result)
            case .askAgain: entries[index].state = .waiting(.unserved)
            case .askSoon: entries[index].state = .waiting(.betweenOwners)
            case .moved(let owner, let epoch):
                entries[index].state = .waiting(.betweenOwners)
                moved(entries[index].shard, owner, epoch)
            case .lookUp: entries[index].state = .unlocated(isDirectoryWrong: true)
            }
        }
        return true
    }

    /// All that a worker was sent ends in a problem.
    func fail(_ worker: WorkerInstanceID, _ problem: Problem) {
        for index in parts.removeValue(forKey: worker) ?? [] { settle(&entries[index], .problem(problem)) }
    }

    /// A worker has taken nothing of what it was sent: it is not the owner, or not ready.
    func sendAgain(_ worker: WorkerInstanceID, _ reason: SentAway) {
        for index in parts.removeValue(forKey: worker) ?? [] { entries[index].state = .waiting(reason) }
    }

    /// Whether anything waits for a shard that nobody serves: the topology may say who does.
    var isUnserved: Bool { entries.contains { $0.state == .waiting(.unserved) } }

    /// How long to wait before the next round, milliseconds; nil if nothing has been sent away and it may begin at once.
    var pauseMilliseconds: Int64? {
        let pause: ClosedRange<Int64>
        if entries.contains(where: { $0.state == .waiting(.betweenOwners) }) {
            pause = Self.betweenOwnersPause
        } else if isUnserved {
            pause = Self.unservedPause
        } else {
            return nil
        }
        let doublings = min(max(roundsCount - 1, 0), 10)
        return min(pause.lowerBound << Int64(doublings), pause.upperBound)
    }

    /// The deadline has passed: what is open is settled by how far it has come.
    func expire() {
        parts.removeAll()
        for index in entries.indices {
            switch entries[index].state {
            case .settled: continue
            case .sent: settle(&entries[index], .problem(.outcomeUnknown))
            case .waiting(.betweenOwners), .waiting(.unserved): settle(&entries[index], .problem(.shardUnavailable))
            case .waiting(.not), .unlocated, .lookingUp: settle(&entries[index], .problem(.deadlineExceeded))
            }
        }
    }
}
