import Core
import PostgresClient

/// Loads whole shards for a worker, all of one moment.
package enum AffiliateLoader {
    package struct Loaded: Sendable, Equatable {
        /// The number of the last change each shard's rows contain; follow the changes from there.
        package var lastSequences: [ShardID: ChangeSequence]
        package var affiliates: Int
    }

    /// Hands every affiliate of `shards` to `onRecord`, in no particular order: sponsors may come after those they sponsor.
    ///
    /// One REPEATABLE READ transaction, so rows and sequences are of one moment. A throw from `onRecord` ends the load.
    package static func load(
        _ shards: [ShardID], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil,
        _ onRecord: (borrowing AffiliateRecord) throws -> Void
    ) throws -> Loaded {
        let wanted = Set(shards)
        return try connection.transaction(.snapshotReadOnly) {
            let all = try HierarchyChanges.lastSequences(on: connection, timeoutMilliseconds: timeoutMilliseconds)
            let list = wanted.sorted().map(\.description).joined(separator: ",")
            // Shard numbers are integers, so nothing can be smuggled into the statement.
            let clauses = wanted.count == ShardID.count ? "" : "WHERE a.shard_id = ANY ('{\(list)}'::smallint[])"
            let count = wanted.isEmpty ? 0 : try AffiliateCopy.read(clauses, connection, timeoutMilliseconds, onRecord)
            var sequences: [ShardID: ChangeSequence] = [:]
            for shard in wanted { sequences[shard] = all[Int(shard.rawValue)] }
            return Loaded(lastSequences: sequences, affiliates: count)
        }
    }
}
