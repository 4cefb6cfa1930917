import Core
import PostgresClient

/// The dead letters of all queues: complete, without a cap, and not lost with Redis.
///
/// A dead commission job leaves its transaction marked `commission_dead`, so that the sweeper lets it be; both are written by one statement.
package enum DeadLetters {
    /// The queue whose jobs are transactions.
    package static let commissionQueue = "commission"
    /// How many one call takes.
    package static let recordedMax = 10_000

    /// Writes dead letters, in the caller's transaction if one is open: begin it with the fence, so that a stale owner buries nothing.
    ///
    /// A job that has an open dead letter gets no second one: the newer takes its place. A commission job whose transaction is processed
    /// already is no dead letter and is left out.
    /// - Returns: how many are new.
    @discardableResult
    package static func record(
        _ letters: [DeadLetterRow], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Int {
        guard !letters.isEmpty else { return 0 }
        guard letters.count <= recordedMax else {
            throw StoreError(.tooMany, "\(letters.count) dead letters at once; \(recordedMax) at most")
        }
        let result = try connection.execute(
            recordSQL,
            [
                .textArray(letters.map(\.queue)), .textArray(letters.map(\.jobID)),
                .int8Array(letters.map { Int64($0.shard.rawValue) }),
                .textArray(letters.map { hex($0.payload) }), .textArray(letters.map { storable($0.cause) }),
                .textArray(letters.map { storable($0.error) }), .int8Array(letters.map { Int64($0.failures) }),
                .int8Array(letters.map { Int64($0.crashes) }), .int8Array(letters.map(\.enqueuedAtMicroseconds)),
                .text(commissionQueue),
            ], timeoutMilliseconds: timeoutMilliseconds)
        return Int(try result.int(0, 0))
    }

    /// The rows are locked in ascending order first, as all who write to the ledger do.
    private static let recordSQL = """
        WITH letter AS MATERIALIZED (
            SELECT DISTINCT ON (queue, job_id) l.*, CASE WHEN queue = $10 AND job_id ~ '^[0-9]{1,18}$' THEN job_id::bigint END AS transaction_id
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[])
                WITH ORDINALITY AS l (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at, place)
            ORDER BY queue, job_id, place DESC
        ), concerned AS MATERIALIZED (
            SELECT t.transaction_id, t.accepted_at, t.commission_processed FROM fature_v2.transactions t
            WHERE t.transaction_id IN (SELECT l.transaction_id FROM letter l WHERE l.transaction_id IS NOT NULL)
            ORDER BY t.transaction_id FOR UPDATE
        ), marked AS (
            UPDATE fature_v2.transactions t SET commission_dead = true FROM concerned c
            WHERE t.transaction_id = c.transaction_id AND t.accepted_at = c.accepted_at AND NOT c.commission_processed
                AND NOT t.commission_dead
        ), recorded AS (
            INSERT INTO fature_v2.dead_letter (queue, job_id, shard_id, payload, cause, error, failures, crashes, enqueued_at)
            SELECT l.queue, l.job_id, l.shard_id, decode(l.payload, 'hex'), l.cause, l.error, l.failures, l.crashes,
                timestamptz 'epoch' + l.enqueued_at * interval '1 microsecond'
            FROM letter l
            WHERE NOT EXISTS (SELECT 1 FROM concerned c WHERE c.transaction_id = l.transaction_id AND c.commission_processed)
            ORDER BY l.queue, l.job_id
            ON CONFLICT (queue, job_id) WHERE state = 'dead' DO UPDATE SET
                shard_id = excluded.shard_id, payload = excluded.payload, cause = excluded.cause, error = excluded.error,
                failures = excluded.failures, crashes = excluded.crashes, dead_at = excluded.dead_at
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FILTER (WHERE is_new) FROM recorded
        """

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// PostgreSQL's text has no NUL; an error text of anybody's may.
    private static func storable(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        return String(decoding: text.utf8.filter { $0 != 0 }, as: UTF8.self)
    }
}
