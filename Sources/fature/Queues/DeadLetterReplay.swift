import Core
import JobQueue
import PostgresClient
import Store
import Worker

/// Sends dead letters on their way again, in PostgreSQL and in Redis.
struct DeadLetterReplay {
    /// Letters of one shard that Redis is looked through for at a time.
    private static let pageMax = 1_000

    private let queue: JobQueue
    private let database: PostgresConnection

    init(_ queue: JobQueue, on database: PostgresConnection) {
        self.queue = queue
        self.database = database
    }

    /// - Returns: those that were replayed, oldest first.
    @discardableResult
    func replay(_ selection: DeadLetterSelection, limit: Int, reason: String?) throws -> [StoredDeadLetter] {
        guard queue.kind == .commission else { return try replayOthers(selection, limit: limit, reason: reason) }
        let letters = try DeadLetters.replay(selection, limit: limit, reason: reason, origin: .commandLine, on: database)
        // From here on the sweepers do it, if we do not.
        let orders = try TransactionBacklog.orders(of: letters.compactMap { Int64($0.letter.jobID) }, on: database)
        _ = try queue.add(orders.map { try CommissionJob.job(for: $0) })
        try forget(letters)
        return letters
    }

    /// Jobs that no sweeper knows are added before their letters are decided about.
    private func replayOthers(_ selection: DeadLetterSelection, limit: Int, reason: String?) throws -> [StoredDeadLetter] {
        let letters = try DeadLetters.list(selection, limit: limit, on: database)
        let jobs = try letters.map { stored in
            try NewJob(
                JobID(stored.letter.jobID), shard: stored.letter.shard, payload: stored.letter.payload,
                enqueuedAtMilliseconds: stored.letter.enqueuedAtMicroseconds / 1000)
        }
        let added = zip(letters, try queue.add(jobs)).filter { $0.1 == .added }.map(\.0)
        guard !added.isEmpty else { return [] }
        let replayed = try DeadLetters.replay(
            DeadLetterSelection(ids: added.map(\.id)), limit: added.count, reason: reason, origin: .commandLine, on: database)
        try forget(replayed)
        return replayed
    }

    /// Takes the copies of letters out of Redis.
    func forget(_ letters: [StoredDeadLetter]) throws {
        for (shard, group) in Dictionary(grouping: letters, by: \.letter.shard) {
            let ids = Set(group.map(\.letter.jobID))
            var after: EntryID?
            while true {
                let page = try queue.inspect(.dead, of: shard, after: after, count: Self.pageMax)
                try queue.discard(page.filter { $0.job.map { ids.contains($0.id.text) } ?? false }.compactMap(\.entry), of: shard)
                guard page.count == Self.pageMax, let last = page.last?.entry else { break }
                after = last
            }
        }
    }
}
