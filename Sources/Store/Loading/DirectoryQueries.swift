import Core
import PostgresClient

/// In which shard an affiliate is: all of them at once for a gateway's directory, or a few.
package enum DirectoryQueries {
    /// How many ids one call of `lookup` takes.
    package static let lookupMax = 10_000

    /// Hands every affiliate and its shard to `onEntry`, in no order, all of one moment.
    /// - Returns: the number of the last change of every shard at that moment, by shard number, and how many affiliates there are.
    package static func load(
        on connection: PostgresConnection, timeoutMilliseconds: Int? = nil, _ onEntry: (AffiliateID, ShardID) throws -> Void
    ) throws -> (lastSequences: [ChangeSequence], affiliates: Int) {
        try connection.transaction(.snapshotReadOnly) {
            let sequences = try HierarchyChanges.lastSequences(on: connection, timeoutMilliseconds: timeoutMilliseconds)
            var reader = BinaryCopyReader()
            let sql = "COPY (SELECT affiliate_id, shard_id FROM fature_v2.affiliates_optimized) TO STDOUT (FORMAT binary)"
            let count = try connection.copyOut(sql, timeoutMilliseconds: timeoutMilliseconds) { message in
                try reader.feed(message, columns: 2) { fields in
                    let id = try fields.bigint()
                    let shard = try fields.smallint()
                    guard id > 0, shard >= 0, shard < ShardID.count else {
                        throw fields.malformed("affiliate \(id) in shard \(shard)")
                    }
                    try onEntry(AffiliateID(rawValue: id), ShardID(rawValue: UInt16(truncatingIfNeeded: shard)))
                }
            }
            try reader.finish()
            return (sequences, count)
        }
    }

    /// The shard of each of these affiliates, in no order; ids nobody has are left out.
    package static func lookup(
        _ ids: [AffiliateID], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [(id: AffiliateID, shard: ShardID)] {
        guard ids.count <= lookupMax else {
            throw StoreError(.tooMany, "\(ids.count) affiliates asked for; one call takes \(lookupMax)")
        }
        guard !ids.isEmpty else { return [] }
        let result = try connection.execute(
            "SELECT affiliate_id, shard_id FROM fature_v2.affiliates_optimized WHERE affiliate_id = ANY ($1)",
            [.int8Array(ids.map(\.rawValue))], timeoutMilliseconds: timeoutMilliseconds)
        var found: [(id: AffiliateID, shard: ShardID)] = []
        found.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            found.append((AffiliateID(try result.int(row, 0)), try ShardID(stored: result.int(row, 1))))
        }
        return found
    }

    /// The ids of an affiliate and its whole downline, as they are now: what `movedIn` brought to a shard.
    /// - Returns: how many there are.
    @discardableResult
    package static func subtree(
        of root: AffiliateID, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil,
        _ onEntry: (AffiliateID, ShardID) throws -> Void
    ) throws -> Int {
        try HierarchyChanges.subtreeRows(root, on: connection, timeoutMilliseconds: timeoutMilliseconds) { record in
            try onEntry(record.id, record.shard)
        }
    }
}
