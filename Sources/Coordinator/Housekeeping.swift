import Core
import PostgresClient
import Store

/// What the leading coordinator does once an hour for the database: old changes and hand-offs go, the next months of the audit and of the
/// transactions come.
struct Housekeeping {
    static let interval = Duration.seconds(3600)
    /// A follower that is further behind than this loads its shard anew.
    static let changesKeptMilliseconds: Int64 = 7 * 24 * 3600 * 1000
    /// Hand-offs that have ended are kept so long.
    static let movesKeptMilliseconds: Int64 = 30 * 24 * 3600 * 1000
    /// Rows deleted in one statement, and statements in one run: the rest is for the next run.
    static let rowsPerStatement = 5000
    static let statementsMax = 200
    static let statementMillisecondsMax = 30_000

    private var nextAt: ContinuousClock.Instant?

    /// Whether it is time; then the next time is noted.
    mutating func isDue(_ now: ContinuousClock.Instant) -> Bool {
        if let nextAt, now < nextAt { return false }
        nextAt = now + Self.interval
        return true
    }

    /// Returns what there is to tell.
    static func run(_ connection: PostgresConnection) throws -> [String] {
        var news: [String] = []
        // Whoever holds a table now, a dump for one, is not waited for while others queue up behind us.
        _ = try connection.execute("SET lock_timeout = '2s'")
        let made = try AuditLog.makePartitions(on: connection)
        if made > 0 { news.append("\(made) months were added to the audit") }
        let months = try TransactionPartitions.make(on: connection)
        if months > 0 { news.append("\(months) months were added to the transactions") }
        let changes = try prune {
            try HierarchyChanges.prune(olderThanMilliseconds: changesKeptMilliseconds, limit: rowsPerStatement, on: connection)
        }
        if changes > 0 { news.append("\(changes) old changes were deleted") }
        let moves = try prune {
            try RebalanceExecution.prune(olderThanMilliseconds: movesKeptMilliseconds, limit: rowsPerStatement, on: connection)
        }
        if moves > 0 { news.append("\(moves) old hand-offs were deleted") }
        return news
    }

    /// Deletes `rowsPerStatement` at a time. Returns how many in all.
    private static func prune(_ next: () throws -> Int) throws -> Int {
        var pruned = 0
        for _ in 0..<statementsMax {
            let count = try next()
            pruned += count
            if count < rowsPerStatement { break }
        }
        return pruned
    }
}
