import Core
import PostgresClient
import Store

/// What the leading coordinator does once an hour for the database: old changes go, the next months of the audit and of the transactions come.
struct Housekeeping {
    static let interval = Duration.seconds(3600)
    /// A follower that is further behind than this loads its shard anew.
    static let changesKeptMilliseconds: Int64 = 7 * 24 * 3600 * 1000
    /// Changes deleted in one statement, and statements in one run: the rest is for the next run.
    static let changesPerStatement = 5000
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
        var pruned = 0
        for _ in 0..<statementsMax {
            let count = try HierarchyChanges.prune(
                olderThanMilliseconds: changesKeptMilliseconds, limit: changesPerStatement, on: connection)
            pruned += count
            if count < changesPerStatement { break }
        }
        if pruned > 0 { news.append("\(pruned) old changes were deleted") }
        return news
    }
}
