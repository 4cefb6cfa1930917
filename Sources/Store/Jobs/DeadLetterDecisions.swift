import Core
import PostgresClient

/// Which open dead letters a decision is about.
package struct DeadLetterSelection: Sendable, Equatable {
    /// Nil: of every queue.
    package var queue: String?
    /// Nil: of every cause.
    package var cause: String?
    /// Nil: all that fit the rest.
    package var ids: [Int64]?
    /// None with a higher number; nil: the newest too.
    package var newest: Int64?

    package init(queue: String? = nil, cause: String? = nil, ids: [Int64]? = nil, newest: Int64? = nil) {
        self.queue = queue
        self.cause = cause
        self.ids = ids
        self.newest = newest
    }

    /// `$1` to `$4` of a statement over `dead_letter d`.
    static let condition = """
        ($1::text IS NULL OR d.queue = $1) AND ($2::text IS NULL OR d.cause = $2) AND ($3::bigint[] IS NULL OR d.dead_letter_id = ANY ($3))
        AND ($4::bigint IS NULL OR d.dead_letter_id <= $4)
        """

    var parameters: [PostgresValue] {
        [.optionalText(queue), .optionalText(cause), ids.map { .int8Array($0) } ?? .null, .optionalInt(newest)]
    }
}

/// What a person decides about dead letters: each with an audit row.
extension DeadLetters {
    /// How many one decision takes.
    package static let decidedMax = 10_000

    /// Opens the way for the oldest of them again, `limit` at most: the letter is `replayed`, and the transaction of a commission job no
    /// longer dead, so that its shard's sweeper adds the job.
    ///
    /// Jobs of other queues have no sweeper. For those add the job first and call this after it: a job that is there twice is done once or
    /// repeated, one that is not there is lost.
    /// - Returns: those that were open, oldest first.
    package static func replay(
        _ selection: DeadLetterSelection, limit: Int, reason: String?, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> [StoredDeadLetter] {
        try decide(.replayed, selection, limit: limit, reason: reason, origin: origin, on: connection)
    }

    /// Gives the oldest of them up, `limit` at most. The transaction of a commission job stays unpaid.
    /// - Returns: those that were open, oldest first.
    package static func discard(
        _ selection: DeadLetterSelection, limit: Int, reason: String, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> [StoredDeadLetter] {
        try decide(.discarded, selection, limit: limit, reason: reason, origin: origin, on: connection)
    }

    private static func decide(
        _ state: StoredDeadLetter.State, _ selection: DeadLetterSelection, limit: Int, reason: String?, origin: ChangeOrigin,
        on connection: PostgresConnection
    ) throws -> [StoredDeadLetter] {
        guard (1...decidedMax).contains(limit) else {
            throw StoreError(.tooMany, "\(limit) dead letters at once; 1 to \(decidedMax)")
        }
        let result = try connection.execute(
            decideSQL,
            selection.parameters + [
                .int(Int64(limit)), .text(state.rawValue), .text(origin.actor), .optionalText(reason),
                .optionalText(origin.requestID),
                .text(commissionQueue),
            ])
        return try rows(result)
    }

    /// Transactions are locked before letters, as by all others who need both.
    private static let decideSQL = """
        WITH candidate AS MATERIALIZED (
            SELECT d.dead_letter_id, CASE WHEN d.queue = $10 AND d.job_id ~ '^[0-9]{1,18}$' THEN d.job_id::bigint END AS transaction_id
            FROM fature_v2.dead_letter d
            WHERE d.state = 'dead' AND \(DeadLetterSelection.condition)
            ORDER BY d.dead_letter_id LIMIT $5
        ), concerned AS MATERIALIZED (
            SELECT t.transaction_id, t.accepted_at FROM fature_v2.transactions t
            WHERE t.transaction_id IN (SELECT c.transaction_id FROM candidate c WHERE c.transaction_id IS NOT NULL)
            ORDER BY t.transaction_id FOR UPDATE
        ), open AS MATERIALIZED (
            SELECT d.dead_letter_id FROM fature_v2.dead_letter d
            WHERE d.dead_letter_id IN (SELECT c.dead_letter_id FROM candidate c) AND d.state = 'dead'
                AND (SELECT count(*) FROM concerned) >= 0
            ORDER BY d.dead_letter_id FOR UPDATE
        ), decided AS (
            UPDATE fature_v2.dead_letter d
            SET state = $6, decided_at = clock_timestamp(), decided_by = $7, decided_reason = $8
            FROM open o WHERE d.dead_letter_id = o.dead_letter_id
            RETURNING d.*
        ), revived AS (
            UPDATE fature_v2.transactions t SET commission_dead = false
            FROM concerned k, candidate c, decided d
            WHERE $6 = 'replayed' AND t.transaction_id = k.transaction_id AND t.accepted_at = k.accepted_at
                AND c.transaction_id = k.transaction_id AND d.dead_letter_id = c.dead_letter_id AND NOT t.commission_processed
        ), audited AS (
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, old_values, new_values, actor, request_id)
            SELECT 'dead_letter', d.dead_letter_id::text, 'update', jsonb_build_object('state', 'dead'),
                jsonb_build_object('state', $6::text, 'queue', d.queue, 'job_id', d.job_id, 'reason', $8::text), $7, $9
            FROM decided d
        )
        SELECT \(columns) FROM decided d ORDER BY d.dead_letter_id
        """
}
