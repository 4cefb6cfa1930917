import Core
import PostgresClient

/// What one worker says about the queue of one kind: gauges of this moment, and counters since its boot.
package struct QueueFigures: Sendable, Equatable {
    package var queue: String
    package var worker: String
    package var instance: WorkerInstanceID
    /// How old the figures are; of no account when they are written. Milliseconds.
    package var ageMilliseconds: Int64 = 0
    /// How many shards they are of.
    package var shards: Int64 = 0
    /// Shards whose keys in Redis hold what is not ours: their jobs wait.
    package var broken: Int64 = 0
    package var waiting: Int64 = 0
    package var inHand: Int64 = 0
    package var delayed: Int64 = 0
    /// Age of the oldest job in the stream. Milliseconds.
    package var oldestMilliseconds: Int64 = 0
    package var taken: Int64 = 0
    package var done: Int64 = 0
    package var failed: Int64 = 0
    package var retried: Int64 = 0
    package var postponed: Int64 = 0
    package var dead: Int64 = 0
    package var crashed: Int64 = 0
    package var released: Int64 = 0
    /// Batches committed, and the time of all of them from the first statement to the commit, in microseconds.
    package var batches: Int64 = 0
    package var commitMicroseconds: Int64 = 0

    package init(queue: String, worker: String, instance: WorkerInstanceID) {
        self.queue = queue
        self.worker = worker
        self.instance = instance
    }

    private static let counts: [WritableKeyPath<QueueFigures, Int64> & Sendable] = [
        \.shards, \.waiting, \.inHand, \.delayed, \.oldestMilliseconds, \.taken, \.done, \.failed, \.retried, \.dead, \.crashed,
        \.released, \.batches, \.commitMicroseconds, \.broken, \.postponed,
    ]
    private static let columns = """
        shards, waiting, in_hand, delayed, oldest_milliseconds, taken, done, failed, retried, dead, crashed, released, batches,
        commit_microseconds, broken, postponed
        """

    /// Replaces what the worker said before; what nobody has renewed for a day goes.
    package func write(on connection: PostgresConnection) throws {
        let figures = Self.counts.map { PostgresValue.int(self[keyPath: $0]) }
        _ = try connection.execute(
            Self.writeSQL, [.int(instance.rawValue), .text(queue), .text(worker)] + figures)
    }

    private static let writeSQL = """
        WITH gone AS (DELETE FROM fature_v2.queue_figures WHERE at < clock_timestamp() - interval '1 day')
        INSERT INTO fature_v2.queue_figures (instance_id, queue, worker, at, \(columns))
        VALUES ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        ON CONFLICT (instance_id, queue) DO UPDATE SET (worker, at, \(columns)) = (excluded.worker, excluded.at,
            excluded.shards, excluded.waiting, excluded.in_hand, excluded.delayed, excluded.oldest_milliseconds, excluded.taken,
            excluded.done, excluded.failed, excluded.retried, excluded.dead, excluded.crashed, excluded.released, excluded.batches,
            excluded.commit_microseconds, excluded.broken, excluded.postponed)
        """

    /// What workers have said within the last `ageMillisecondsMax`, by queue and worker.
    package static func read(
        ageMillisecondsMax: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [QueueFigures] {
        let result = try connection.execute(
            """
            SELECT queue, worker, instance_id, (extract(epoch FROM clock_timestamp() - at) * 1000)::bigint, \(columns)
            FROM fature_v2.queue_figures WHERE at > clock_timestamp() - $1 * interval '1 millisecond' ORDER BY queue, worker, instance_id
            """, [.int(ageMillisecondsMax)], timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { row in
            var figures = QueueFigures(
                queue: try result.text(row, 0), worker: try result.text(row, 1),
                instance: WorkerInstanceID(try result.int(row, 2)))
            figures.ageMilliseconds = max(0, try result.int(row, 3))
            for (column, path) in counts.enumerated() { figures[keyPath: path] = try result.int(row, 4 + column) }
            return figures
        }
    }
}
