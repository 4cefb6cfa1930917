import Core
import Placement
import PostgresClient

/// That the workers of one name are not to be given shards.
package struct StoredStanding: Sendable, Equatable {
    package let name: String
    package let standing: WorkerStanding
    package let reason: String?
    package let actor: String
    /// In microseconds since 1970 UTC.
    package let sinceMicroseconds: Int64
}

/// What workers may be given, by their names.
package enum WorkerStandings {
    /// All that are not open, by name.
    package static func all(on connection: PostgresConnection) throws -> [StoredStanding] {
        let result = try connection.execute(
            """
            SELECT name, standing, reason, actor, (extract(epoch FROM since) * 1000000)::bigint
            FROM fature_v2.worker_standing ORDER BY name
            """)
        return try (0..<result.rowCount).map { row in
            StoredStanding(
                name: try result.text(row, 0), standing: try WorkerStanding(stored: result.text(row, 1)),
                reason: try result.optionalText(row, 2), actor: try result.text(row, 3),
                sinceMicroseconds: try result.int(row, 4))
        }
    }

    /// Gives the workers of a name another standing, with an audit row if it is another. There need be no such worker.
    /// - Returns: what it was.
    package static func set(
        _ name: String, _ standing: WorkerStanding, reason: String?, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> WorkerStanding {
        let result = try connection.execute(
            "SELECT fature_v2.set_worker_standing($1, $2, $3, $4, $5)",
            [
                .text(name), .text(standing.rawValue), .optionalText(reason), .text(origin.actor),
                .optionalText(origin.requestID),
            ])
        return try WorkerStanding(stored: result.text(0, 0))
    }
}

extension WorkerStanding {
    /// A standing read from the database.
    init(stored text: String) throws {
        guard let standing = WorkerStanding(rawValue: text) else {
            throw StoreError(.unexpectedAnswer, "the database has the standing '\(text)', which this binary does not know")
        }
        self = standing
    }
}
