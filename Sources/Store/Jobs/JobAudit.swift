import Core
import PostgresClient

/// The audit of what people do to jobs in Redis, which leaves no row of its own.
package enum JobAudit {
    /// - Parameters:
    ///   - action: a word: `retried`, `cancelled`.
    ///   - jobID: which job it was done to.
    package static func record(
        _ action: String, queue: String, jobID: String, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws {
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
            VALUES ('job', $1, 'update', jsonb_build_object('action', $2::text), $3, $4)
            """, [.text("\(queue)/\(jobID)"), .text(action), .text(origin.actor), .optionalText(origin.requestID)])
    }
}
