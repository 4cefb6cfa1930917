import Core
import PostgresClient

/// What the leading coordinator does about the plan that is applied, one step a call. Everything it needs to know is in rows: another leader goes
/// on where the last one was.
package enum RebalanceExecution {
    package enum Step: Sendable, Equatable {
        /// No plan is under way.
        case idle
        /// A hand-off was ordered: its row of `shard_move`. Call again.
        case ordered(plan: Int64, move: Int64)
        /// A move or the plan ended. Call again.
        case progressed(plan: Int64)
        /// For hand-offs under way, for time, for a person or for the p99; the plan says why.
        case waiting
        /// Another coordinator leads.
        case termLost
    }

    /// A hand-off that takes longer is aborted. Milliseconds.
    package static let deadlineMilliseconds: Int64 = 120_000
    /// Hand-offs that are begun for one move, if those before were aborted for passing reasons.
    package static let attemptsMax: Int64 = 3
    /// The pause before the second; before the third it is twice as long.
    package static let retryMilliseconds: Int64 = 5_000

    /// Takes down how hand-offs ended, ends the plan with its last move, and orders one more hand-off if the throttles allow.
    ///
    /// - Parameter p99Microseconds: the cluster's p99 as it is now; nil: not known, which holds nothing up.
    package static func advance(
        term: Int64, p99Microseconds: Int64?, retryMilliseconds: Int64 = retryMilliseconds, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> Step {
        let result = try connection.execute(
            "SELECT outcome, plan, move FROM fature_v2.advance_rebalance($1, $2, $3, $4, $5)",
            [
                .int(term), .optionalInt(p99Microseconds), .int(deadlineMilliseconds), .int(attemptsMax), .int(retryMilliseconds),
            ], timeoutMilliseconds: timeoutMilliseconds)
        switch try result.text(0, 0) {
        case "idle": return .idle
        case "ordered": return .ordered(plan: try result.int(0, 1), move: try result.int(0, 2))
        case "progressed": return .progressed(plan: try result.int(0, 1))
        case "waiting": return .waiting
        case "term_lost": return .termLost
        case let other:
            throw StoreError(.unexpectedAnswer, "a step of a rebalance answered '\(other)', which this binary does not know")
        }
    }

    /// What a step depends on, but for time and workers that die: while it stays the same, the next step is the last one's. Writes nothing.
    package struct Mark: Sendable, Equatable {
        private let words: String

        package static func read(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws -> Mark {
            Mark(
                words: try connection.execute(
                    """
                    SELECT concat_ws(' ',
                        (SELECT plan_id || state FROM fature_v2.rebalance_plan WHERE state IN ('applying', 'paused')),
                        (SELECT count(*) FROM fature_v2.shard_move WHERE state NOT IN ('committed', 'aborted')),
                        (SELECT max(ended_at) FROM fature_v2.shard_move WHERE ended_at IS NOT NULL))
                    """, timeoutMilliseconds: timeoutMilliseconds
                ).text(0, 0))
        }
    }

    /// Aborts hand-offs whose time is over. Nil: another coordinator leads.
    package static func abortOverdue(
        term: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [Int64]? {
        let result = try connection.execute(
            "SELECT outcome, moves FROM fature_v2.abort_overdue_moves($1)", [.int(term)], timeoutMilliseconds: timeoutMilliseconds
        )
        return try result.text(0, 0) == "aborted" ? result.intArray(0, 1).compactMap { $0 } : nil
    }

    /// Forgets hand-offs that ended longer ago, `limit` at most. Returns how many.
    package static func prune(
        olderThanMilliseconds age: Int64, limit: Int, on connection: PostgresConnection
    ) throws -> Int {
        try connection.execute(
            """
            DELETE FROM fature_v2.shard_move WHERE move_id IN (
                SELECT move_id FROM fature_v2.shard_move WHERE ended_at < clock_timestamp() - $1 * interval '1 millisecond'
                ORDER BY ended_at LIMIT $2)
            """, [.int(age), .int(Int64(limit))]
        ).affectedRows
    }
}
