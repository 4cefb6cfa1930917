import Core

/// Rows that become part of a partition, column by column, with their profiles already packed.
struct ArrivingRows {
    private(set) var ids: [Int64] = []
    /// 0 for a root.
    private(set) var parents: [Int64] = []
    private(set) var statuses: [UInt8] = []
    private(set) var profileOffsets: [UInt32] = []
    let profiles: ProfileArena

    init(expectedCount: Int) {
        profiles = ProfileArena()
        ids.reserveCapacity(expectedCount)
        parents.reserveCapacity(expectedCount)
        statuses.reserveCapacity(expectedCount)
        profileOffsets.reserveCapacity(expectedCount)
    }

    var count: Int { ids.count }

    mutating func append(
        id: Int64, parent: Int64, status: AffiliateStatus, profile: ProfileView
    ) throws(PartitionError) {
        guard id > 0 else { throw .invalidIdentifier(id) }
        guard parent >= 0 else { throw .orphan(id, parent: parent) }
        guard count < Forest.affiliatesMax else { throw .tooManyAffiliates(id) }
        profileOffsets.append(try profiles.append(profile, id: id))
        ids.append(id)
        parents.append(parent)
        statuses.append(status.rawValue)
    }
}
