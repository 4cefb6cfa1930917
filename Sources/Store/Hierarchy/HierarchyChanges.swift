import Core
import PostgresClient

/// Follows what others did to the hierarchy, shard by shard, by the numbers of the changes.
///
/// Changes come as they were; rows come as they are. A row read for a change may thus be younger than the change: a
/// follower applies rows as "this is how it is now" and takes it in its stride when a later change is no news.
package enum HierarchyChanges {
    /// How many changes one call reads.
    package static let changesMax = 10_000
    /// How many affiliates one call of `rows` reads.
    package static let rowsMax = 10_000

    /// The number of the last change of every shard, by shard number. One cheap query: compare, then ask where it differs.
    package static func lastSequences(on connection: PostgresConnection, timeoutMilliseconds: Int? = nil) throws
        -> [ChangeSequence]
    {
        let result = try connection.execute(
            "SELECT shard_id, last_seq FROM fature_v2.shard_sequence ORDER BY shard_id", timeoutMilliseconds: timeoutMilliseconds)
        var sequences = [ChangeSequence](repeating: 0, count: ShardID.count)
        for row in 0..<result.rowCount {
            sequences[Int(try ShardID(stored: result.int(row, 0)).rawValue)] = try result.int(row, 1)
        }
        return sequences
    }

    /// The shards whose last change is beyond the number known of them. Nearly always none, and then nearly free: for frequent polling.
    /// - Parameter known: by shard number; `.max` for a shard that is of no interest.
    package static func advanced(
        beyond known: [ChangeSequence], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [ShardID] {
        let result = try connection.execute(
            "SELECT shard_id FROM fature_v2.shard_sequence WHERE last_seq > ($1::bigint[])[shard_id + 1]", [.int8Array(known)],
            timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { try ShardID(stored: result.int($0, 0)) }
    }

    /// The changes of one shard after `sequence`, oldest first, at most `limit`.
    package static func changes(
        _ shard: ShardID, after sequence: ChangeSequence, limit: Int = changesMax, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> ChangeRead {
        guard (1...changesMax).contains(limit) else {
            throw StoreError(.tooMany, "\(limit) changes asked for; one call reads 1 to \(changesMax)")
        }
        // One statement, so that the last number and the changes are of one moment.
        let result = try connection.execute(
            """
            SELECT s.last_seq, c.seq, c.kind, c.affiliate_id, c.parent_affiliate_id, c.status, c.other_shard_id, c.affiliates_moved
            FROM fature_v2.shard_sequence s
            LEFT JOIN LATERAL (
                SELECT * FROM fature_v2.hierarchy_change h
                WHERE h.shard_id = s.shard_id AND h.seq > $2 ORDER BY h.seq LIMIT $3
            ) c ON true
            WHERE s.shard_id = $1::smallint ORDER BY c.seq
            """,
            [.int(Int64(shard.rawValue)), .int(sequence), .int(Int64(limit))], timeoutMilliseconds: timeoutMilliseconds)
        guard result.rowCount > 0 else { throw StoreError(.unexpectedAnswer, "shard \(shard) has no row in shard_sequence") }
        let last = try result.int(0, 0)
        guard try !result.isNull(0, 1) else {
            // A follower ahead of the database has followed another one: a restored backup.
            return last == sequence ? .changes([]) : .reloadNeeded
        }
        var changes: [HierarchyChange] = []
        changes.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            let (next, overflow) = sequence.addingReportingOverflow(Int64(row) + 1)
            guard !overflow, try result.int(row, 1) == next else { return .reloadNeeded }
            changes.append(HierarchyChange(shard: shard, sequence: next, kind: try kind(result, row)))
        }
        return .changes(changes)
    }

    /// The affiliates with these ids as they are now, in no order; ids nobody has are left out.
    /// - Returns: how many were found.
    @discardableResult
    package static func rows(
        of ids: [AffiliateID], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil,
        _ onRecord: (borrowing AffiliateRecord) throws -> Void
    ) throws -> Int {
        guard ids.count <= rowsMax else {
            throw StoreError(.tooMany, "\(ids.count) affiliates asked for; one call reads \(rowsMax)")
        }
        guard !ids.isEmpty else { return 0 }
        // COPY takes no parameters; these are integers, so nothing can be smuggled in.
        let list = ids.map { String($0.rawValue) }.joined(separator: ",")
        return try AffiliateCopy.read(
            "WHERE a.affiliate_id = ANY ('{\(list)}'::bigint[])", connection, timeoutMilliseconds, onRecord)
    }

    /// An affiliate and its whole downline as they are now, every sponsor before those it sponsors.
    /// - Returns: how many there are; 0 when there is no such affiliate.
    @discardableResult
    package static func subtreeRows(
        _ root: AffiliateID, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil,
        _ onRecord: (borrowing AffiliateRecord) throws -> Void
    ) throws -> Int {
        try AffiliateCopy.read(
            """
            JOIN (
                SELECT descendant_id AS id FROM fature_v2.hierarchy_index WHERE ancestor_id = \(root.rawValue)
                UNION ALL SELECT \(root.rawValue)
            ) AS subtree ON subtree.id = a.affiliate_id
            ORDER BY a.hierarchy_level
            """, connection, timeoutMilliseconds, onRecord)
    }

    /// Deletes changes older than `milliseconds`, at most `limit` of them. Followers further behind will load the shard again.
    /// - Returns: how many were deleted; call again while it is `limit`.
    package static func prune(
        olderThanMilliseconds milliseconds: Int64, limit: Int = changesMax, on connection: PostgresConnection
    ) throws -> Int {
        let result = try connection.execute(
            """
            DELETE FROM fature_v2.hierarchy_change WHERE (shard_id, seq) IN (
                SELECT c.shard_id, c.seq FROM fature_v2.shard_sequence s CROSS JOIN LATERAL (
                    SELECT * FROM fature_v2.hierarchy_change h WHERE h.shard_id = s.shard_id ORDER BY h.seq LIMIT $2
                ) c
                WHERE c.at < clock_timestamp() - $1 * interval '1 millisecond' LIMIT $2)
            """, [.int(milliseconds), .int(Int64(limit))])
        return result.affectedRows
    }

    /// At the end of a transaction that wrote affiliates in bulk: counts these shards anew and has all followers load them again.
    /// - Returns: how many affiliates the shards hold.
    @discardableResult
    package static func announceBulkLoad(_ shards: [ShardID], on connection: PostgresConnection) throws -> Int64 {
        let numbers = shards.map { Int64($0.rawValue) }
        let result = try connection.execute("SELECT fature_v2.announce_bulk_load($1::smallint[])", [.int8Array(numbers)])
        return try result.int(0, 0)
    }

    private static func kind(_ result: PostgresResult, _ row: Int) throws -> HierarchyChange.Kind {
        let name = try result.text(row, 2)
        if name == "reloaded" { return .reloaded }
        let affiliate = AffiliateID(try result.int(row, 3))
        let parent = try result.optionalInt(row, 4).map { AffiliateID($0) }
        switch name {
        case "joined": return .joined(affiliate, parent: parent, status: try AffiliateStatus(stored: result.text(row, 5)))
        case "status_changed": return .statusChanged(affiliate, to: try AffiliateStatus(stored: result.text(row, 5)))
        case "moved": return .moved(affiliate, parent: parent, affiliates: try result.int(row, 7))
        case "moved_out":
            return .movedOut(affiliate, to: try ShardID(stored: result.int(row, 6)), affiliates: try result.int(row, 7))
        case "moved_in":
            return .movedIn(
                affiliate, parent: parent, from: try ShardID(stored: result.int(row, 6)), affiliates: try result.int(row, 7))
        default:
            throw StoreError(.unexpectedAnswer, "the database has a change of kind '\(name)', which this binary does not know")
        }
    }
}
