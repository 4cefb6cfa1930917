import Core
import JobQueue
import PostgresClient
import Store

/// Has Redis say what PostgreSQL does about pauses: a person's word outlives Redis, and is heard also where Redis was away when it was given.
enum QueuePauseKeeper {
    private static let reason = "paused in PostgreSQL: fature queue ls"

    /// - Parameter stats: of the worker's shards, of now.
    static func keep(_ stats: [QueueStats], _ queue: JobQueue, on database: PostgresConnection) throws {
        let paused = try QueuePauses.paused(queue.kind.name, on: database)
        let toPause = stats.filter { $0.pause == nil && paused.contains($0.shard) }.map(\.shard)
        let toResume = stats.filter { $0.pause != nil && !paused.contains($0.shard) }.map(\.shard)
        if !toPause.isEmpty { try queue.pause(toPause, reason: reason) }
        if !toResume.isEmpty { try queue.resume(toResume) }
    }
}
