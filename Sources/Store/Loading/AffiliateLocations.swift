import Core
import PostgresClient

/// Where affiliates are at this moment, for a gateway whose directory did not know.
package enum AffiliateLocations {
    package struct Location: Sendable, Equatable {
        package var shard: ShardID
        /// The number of the shard's last change: its owner must have applied it before it can answer for the affiliate.
        package var sequence: ChangeSequence
    }

    /// The locations of `ids`; ids nobody has are left out. One query, at most `DirectoryQueries.lookupMax` ids.
    package static func find(
        _ ids: [Int64], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [Int64: Location] {
        guard ids.count <= DirectoryQueries.lookupMax else {
            throw StoreError(.tooMany, "\(ids.count) affiliates asked for; one call takes \(DirectoryQueries.lookupMax)")
        }
        let result = try connection.execute(
            """
            SELECT a.affiliate_id, a.shard_id, s.last_seq
            FROM fature_v2.affiliates_optimized a JOIN fature_v2.shard_sequence s ON s.shard_id = a.shard_id
            WHERE a.affiliate_id = ANY ($1)
            """, [.int8Array(ids)], timeoutMilliseconds: timeoutMilliseconds)
        var found: [Int64: Location] = [:]
        found.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            found[try result.int(row, 0)] = Location(
                shard: try ShardID(stored: result.int(row, 1)), sequence: try result.int(row, 2))
        }
        return found
    }
}
