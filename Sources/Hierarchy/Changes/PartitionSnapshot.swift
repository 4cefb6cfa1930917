import Core

/// A partition as it stood at one moment, to be rebuilt on any thread while the partition itself goes on.
///
/// Taking one costs a byte an affiliate and a copy of the overlay; the big arrays are shared.
package final class PartitionSnapshot: Sendable {
    package let shard: ShardID
    let forest: Forest
    let statuses: Column<UInt8>
    let overlay: OverlaySnapshot
    let overlayProfiles: ProfileArena

    init(shard: ShardID, forest: Forest, statuses: Column<UInt8>, overlay: OverlaySnapshot, overlayProfiles: ProfileArena) {
        self.shard = shard
        self.forest = forest
        self.statuses = statuses
        self.overlay = overlay
        self.overlayProfiles = overlayProfiles
    }

    deinit {
        statuses.deallocate()
        overlay.deallocate()
    }

    /// A new partition with the overlay folded in and the edit carried out; the snapshot stays as it is.
    ///
    /// What happened to the live partition since the snapshot is not in it: the caller replays that (`join`, `setStatus`) on the new
    /// one before it takes over.
    /// Throws `unknownAffiliate` (a removed or moved id that is not there), `orphan`, `cycle`, `duplicateIdentifier`,
    /// `invalidIdentifier`, `tooManyAffiliates`, `profileFieldTooLong`, or `profilesTooLarge`.
    package func rebuilt(_ edit: PartitionEdit = PartitionEdit()) throws(PartitionError) -> sending Partition {
        var arrivals = ArrivingRows(expectedCount: edit.added.count)
        for row in edit.added {
            try row.profile.withView { view throws(PartitionError) in
                try arrivals.append(
                    id: row.id.rawValue, parent: row.parent?.rawValue ?? 0, status: row.status, profile: view)
            }
        }
        let assembly = Assembly(self, arrivals)
        try assembly.plan(edit)
        return try assembly.finish()
    }
}

/// The overlay's entries, numbered as in the overlay, and their breadth-first order.
struct OverlaySnapshot: Sendable {
    let entries: Column<OverlayEntry>
    let order: Column<UInt32>

    /// Nobody.
    init() {
        entries = Column(count: 0)
        order = Column(count: 0)
    }

    init(_ overlay: borrowing Overlay) {
        entries = Column(count: overlay.count)
        order = Column(count: overlay.count)
        entries.start.update(from: overlay.entries.start, count: overlay.count)
        order.start.update(from: overlay.order.start, count: overlay.count)
    }

    var count: Int { entries.count }

    func deallocate() {
        entries.deallocate()
        order.deallocate()
    }
}

extension Partition {
    /// The partition as it stands now, for a rebuild elsewhere.
    package func snapshot() -> PartitionSnapshot {
        PartitionSnapshot(
            shard: shard, forest: forest, statuses: Column(copying: statuses), overlay: OverlaySnapshot(overlay),
            overlayProfiles: ProfileArena(copying: overlayProfiles))
    }
}
