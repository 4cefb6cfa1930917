import Core
import PostgresClient

/// An affiliate with much below it.
package struct HeavyAffiliate: Sendable, Equatable {
    package let id: AffiliateID
    /// Nil: a root.
    package let sponsor: AffiliateID?
    /// 1 for a root.
    package let level: Int64
    /// It and its whole downline.
    package let affiliates: Int64

    /// How many are read of a shard at most.
    package static let readMax = 4_096

    /// The heaviest affiliates of a shard that have, with their downlines, at least `affiliatesMin`. With each its sponsor is read too, which is heavier.
    ///
    /// Reads all rows of the shard.
    package static func read(
        of shard: ShardID, affiliatesMin: Int64, limit: Int = readMax, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> [HeavyAffiliate] {
        guard (1...readMax).contains(limit) else { throw StoreError(.tooMany, "\(limit) affiliates; 1 to \(readMax)") }
        let result = try connection.execute(
            """
            SELECT affiliate_id, parent_affiliate_id, hierarchy_level, total_network_size + 1
            FROM fature_v2.affiliates_optimized WHERE shard_id = $1::smallint AND total_network_size >= $2
            ORDER BY total_network_size DESC, affiliate_id LIMIT $3
            """, [.int(Int64(shard.rawValue)), .int(max(1, affiliatesMin) - 1), .int(Int64(limit))],
            timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { row in
            HeavyAffiliate(
                id: AffiliateID(try result.int(row, 0)), sponsor: try result.optionalInt(row, 1).map { AffiliateID($0) },
                level: try result.int(row, 2), affiliates: try result.int(row, 3))
        }
    }
}
