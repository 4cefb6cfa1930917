import Core
import JobQueue
import PostgresClient
import Store

/// A queue over all shards, as of now.
struct QueuePicture: Encodable {
    struct Pause: Encodable {
        /// Nil: every shard.
        let shard: Int?
        let actor: String
        let reason: String
        let since: String
    }

    let queue: String
    var waiting = 0
    var inHand = 0
    var delayed = 0
    /// Open dead letters.
    let dead: Int64
    var oldestMilliseconds: Int64 = 0
    /// Transactions that wait in PostgreSQL, with a job or without; nil for a queue of other things.
    let unprocessed: Int64?
    let pauses: [Pause]

    init(_ queue: JobQueue, stats: [QueueStats], on database: PostgresConnection) throws {
        let unprocessed = queue.kind == .commission ? try TransactionBacklog(on: database).count : nil
        try self.init(queue, stats: stats, unprocessed: unprocessed, on: database)
    }

    init(_ queue: JobQueue, stats: [QueueStats], unprocessed: Int64?, on database: PostgresConnection) throws {
        self.queue = queue.kind.name
        dead = try DeadLetters.openCounts(on: database)[queue.kind.name] ?? 0
        self.unprocessed = unprocessed
        let name = queue.kind.name
        pauses = try QueuePauses.all(on: database).filter { $0.queue == name }.map {
            Pause(
                shard: $0.shard.map { Int($0.rawValue) }, actor: $0.actor, reason: $0.reason,
                since: MomentText.of(microseconds: $0.pausedAtMicroseconds))
        }
        for one in stats {
            waiting += one.waiting
            inHand += one.pending
            delayed += one.delayed
            oldestMilliseconds = max(oldestMilliseconds, one.oldestWaitingAgeMilliseconds, one.oldestPendingAgeMilliseconds)
        }
    }

    var isEmpty: Bool { waiting + inHand + delayed == 0 && (unprocessed ?? 0) == 0 }

    var pauseText: String {
        if let whole = pauses.first(where: { $0.shard == nil }) { return "all: \(whole.reason)" }
        return pauses.isEmpty ? "" : "shards \(pauses.compactMap(\.shard).map(String.init).joined(separator: " "))"
    }
}
