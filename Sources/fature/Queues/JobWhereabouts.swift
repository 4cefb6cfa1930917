import Core
import JobQueue
import PostgresClient
import Store

/// Everything both servers know of one job.
struct JobWhereabouts {
    let database: PostgresConnection
    let queue: JobQueue
    let id: JobID
    /// Nil for a job that is no commission.
    let transaction: TransactionProgress?
    /// Oldest first.
    let letters: [StoredDeadLetter]
    /// Where it was found in Redis, and Redis' clock.
    let found: (job: InspectedJob, shard: ShardID, nowMilliseconds: Int64)?

    /// - Throws: `negative` if nobody knows the job.
    init(_ job: JobOptions, purpose: String) throws {
        database = try job.options.database(purpose)
        queue = try job.options.queue()
        do { id = try JobID(job.id) } catch { throw CommandError(.usage, "'\(job.id)' is no job's id: \(error.message)") }
        let number = queue.kind == .commission ? Int64(job.id) : nil
        let database = database
        transaction = try number.flatMap { try TransactionProgress.of($0, on: database) }
        letters = try DeadLetters.ofJob(job.id, queue: queue.kind.name, on: database)
        let shard = transaction?.shard ?? letters.last?.letter.shard
        found = try Self.find(id, in: shard.map { [$0] } ?? QueueOptions.everyShard, queue)
        let isKnown = transaction != nil || !letters.isEmpty || found != nil
        guard isKnown else {
            let what = queue.kind == .commission ? "transaction" : "job"
            throw CommandError(.negative, "there is no \(what) \(job.id) in the queue \(queue.kind.name)")
        }
    }

    private static func find(
        _ id: JobID, in shards: [ShardID], _ queue: JobQueue
    ) throws -> (job: InspectedJob, shard: ShardID, nowMilliseconds: Int64)? {
        for stats in try queue.stats(shards) where stats.waiting + stats.pending + stats.delayed > 0 {
            if let job = try queue.find(id, in: stats.shard) { return (job, stats.shard, stats.nowMilliseconds) }
        }
        return nil
    }

    var openLetter: StoredDeadLetter? { letters.last { $0.state == .dead } }

    var document: JobText.Document? {
        found.map { JobText.Document($0.job, shard: $0.shard, nowMilliseconds: $0.nowMilliseconds) }
    }
}
