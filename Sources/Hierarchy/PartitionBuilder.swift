import Core

/// Builds a partition from rows in any order: children may come before their sponsors.
package final class PartitionBuilder {
    private let shard: ShardID
    private var rows: ArrivingRows

    package init(shard: ShardID, expectedCount: Int = 0) {
        self.shard = shard
        rows = ArrivingRows(expectedCount: expectedCount)
    }

    package var count: Int { rows.count }

    /// Adds one affiliate; a parent of 0 makes a root.
    ///
    /// Throws `invalidIdentifier`, `orphan` (a negative parent), `profileFieldTooLong`, `profilesTooLarge`, or `tooManyAffiliates`.
    package func append(
        id: Int64, parent: Int64, status: AffiliateStatus, profile: ProfileView
    ) throws(PartitionError) {
        try rows.append(id: id, parent: parent, status: status, profile: profile)
    }

    package func append(_ row: AffiliateRow) throws(PartitionError) {
        try row.profile.withView { view throws(PartitionError) in
            try rows.append(id: row.id.rawValue, parent: row.parent?.rawValue ?? 0, status: row.status, profile: view)
        }
    }

    /// The partition of all rows so far. The builder is empty after that, also when this throws.
    ///
    /// Throws `duplicateIdentifier`, `orphan` (a parent that is in no row), or `cycle`, naming the affiliate.
    package func finish() throws(PartitionError) -> sending Partition {
        let rows = self.rows
        self.rows = ArrivingRows(expectedCount: 0)
        let nothing = PartitionSnapshot(
            shard: shard, forest: Forest.empty, statuses: Column(count: 0), overlay: OverlaySnapshot(),
            overlayProfiles: ProfileArena())
        let assembly = Assembly(nothing, rows)
        try assembly.plan(PartitionEdit())
        return try assembly.finish()
    }
}
