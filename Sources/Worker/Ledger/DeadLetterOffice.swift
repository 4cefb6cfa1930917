import Core
import JobQueue
import PostgresClient
import Store
import Synchronization

/// Keeps dead letters in PostgreSQL, behind the fence: a stale owner buries nothing.
final class DeadLetterOffice: DeadLetterSink, Sendable {
    private let configuration: PostgresConfiguration
    private let owned: OwnedShards

    private static let timeoutMilliseconds = 5000

    init(configuration: PostgresConfiguration, owned: OwnedShards) {
        self.configuration = configuration
        self.owned = owned
    }

    /// Letters are rare: each call has a connection of its own.
    func bury(_ letters: [DeadLetter]) throws {
        guard let fence = owned.current.fence(for: letters.lazy.map(\.shard)) else {
            throw HandlerUnavailable("the shards of the dead letters are not this worker's any more")
        }
        let rows = letters.map { letter in
            DeadLetterRow(
                queue: letter.kind.name, jobID: letter.id.text, shard: letter.shard, payload: letter.payload,
                cause: letter.cause.word, error: letter.error, failures: letter.failures, crashes: letter.crashes,
                enqueuedAtMicroseconds: Timestamp.microseconds(ofMilliseconds: letter.enqueuedAtMilliseconds))
        }
        let connection = try PostgresConnection(configuration)
        try connection.transaction {
            let held = try fence.held(on: connection)
            guard letters.allSatisfy({ held.contains($0.shard) }) else {
                throw HandlerUnavailable("a shard of the dead letters has another owner")
            }
            try DeadLetters.record(rows, on: connection, timeoutMilliseconds: Self.timeoutMilliseconds)
        }
    }
}
