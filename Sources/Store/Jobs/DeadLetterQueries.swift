import Core
import PostgresClient

extension DeadLetters {
    /// Dead letters, oldest first.
    ///
    /// - Parameters:
    ///   - state: nil for those decided about too.
    ///   - after: the number of the last one seen, to go on behind it.
    package static func list(
        _ selection: DeadLetterSelection, state: StoredDeadLetter.State? = .dead, after: Int64 = 0, limit: Int,
        on connection: PostgresConnection
    ) throws -> [StoredDeadLetter] {
        let result = try connection.execute(
            """
            SELECT \(columns) FROM fature_v2.dead_letter d
            WHERE \(DeadLetterSelection.condition) AND ($5::text IS NULL OR d.state = $5) AND d.dead_letter_id > $6
            ORDER BY d.dead_letter_id LIMIT $7
            """, selection.parameters + [.optionalText(state?.rawValue), .int(after), .int(Int64(limit))])
        return try rows(result)
    }

    /// Open dead letters by queue and cause, the most frequent first.
    package static func groups(_ selection: DeadLetterSelection, on connection: PostgresConnection) throws -> [DeadLetterGroup] {
        let result = try connection.execute(
            """
            SELECT d.queue, d.cause, count(*), \(micros("min(d.dead_at)")), \(micros("max(d.dead_at)")),
                (array_agg(d.error ORDER BY d.dead_letter_id DESC))[1]
            FROM fature_v2.dead_letter d WHERE d.state = 'dead' AND \(DeadLetterSelection.condition)
            GROUP BY d.queue, d.cause ORDER BY count(*) DESC, d.queue, d.cause
            """, selection.parameters)
        return try (0..<result.rowCount).map { row in
            DeadLetterGroup(
                queue: try result.text(row, 0), cause: try result.text(row, 1), count: try result.int(row, 2),
                oldestMicroseconds: try result.int(row, 3), newestMicroseconds: try result.int(row, 4),
                newestError: try result.text(row, 5))
        }
    }

    package static func countOpen(_ selection: DeadLetterSelection, on connection: PostgresConnection) throws -> Int64 {
        try connection.execute(
            "SELECT count(*) FROM fature_v2.dead_letter d WHERE d.state = 'dead' AND \(DeadLetterSelection.condition)",
            selection.parameters
        ).int(0, 0)
    }

    /// The highest number of a letter so far; 0 if there is none.
    package static func newest(on connection: PostgresConnection) throws -> Int64 {
        try connection.execute("SELECT coalesce(max(dead_letter_id), 0) FROM fature_v2.dead_letter").int(0, 0)
    }

    /// How many are open, by queue; a queue without any is not there.
    package static func openCounts(on connection: PostgresConnection) throws -> [String: Int64] {
        let result = try connection.execute(
            "SELECT queue, count(*) FROM fature_v2.dead_letter WHERE state = 'dead' GROUP BY queue")
        var counts: [String: Int64] = [:]
        for row in 0..<result.rowCount { counts[try result.text(row, 0)] = try result.int(row, 1) }
        return counts
    }

    /// Every letter, open or decided, of one job, oldest first.
    package static func ofJob(_ jobID: String, queue: String, on connection: PostgresConnection) throws -> [StoredDeadLetter] {
        try rows(
            connection.execute(
                "SELECT \(columns) FROM fature_v2.dead_letter d WHERE d.queue = $1 AND d.job_id = $2 ORDER BY d.dead_letter_id",
                [.text(queue), .text(jobID)]))
    }

    static let columns = """
        d.dead_letter_id, d.queue, d.job_id, d.shard_id, d.payload, d.cause, d.error, d.failures, d.crashes, \(micros("d.enqueued_at")),
        d.state, \(micros("d.dead_at")), \(micros("d.decided_at")), d.decided_by, d.decided_reason
        """

    private static func micros(_ moment: String) -> String { "(extract(epoch FROM \(moment)) * 1000000)::bigint" }

    static func rows(_ result: PostgresResult) throws -> [StoredDeadLetter] {
        try (0..<result.rowCount).map { row in
            let letter = DeadLetterRow(
                queue: try result.text(row, 1), jobID: try result.text(row, 2), shard: try ShardID(stored: result.int(row, 3)),
                payload: try result.bytes(row, 4), cause: try result.text(row, 5), error: try result.text(row, 6),
                failures: Int(try result.int(row, 7)), crashes: Int(try result.int(row, 8)),
                enqueuedAtMicroseconds: try result.int(row, 9))
            let word = try result.text(row, 10)
            guard let state = StoredDeadLetter.State(rawValue: word) else {
                throw StoreError(
                    .unexpectedAnswer, "the database has a dead letter in the state '\(word)', which is none of the three")
            }
            let decision: StoredDeadLetter.Decision? =
                if let at = try result.optionalInt(row, 12) {
                    StoredDeadLetter.Decision(
                        atMicroseconds: at, actor: try result.optionalText(row, 13) ?? "",
                        reason: try result.optionalText(row, 14))
                } else { nil }
            return StoredDeadLetter(
                id: try result.int(row, 0), letter: letter, state: state, deadAtMicroseconds: try result.int(row, 11),
                decision: decision)
        }
    }
}
