import Core

@testable import Hierarchy

/// A row with a profile that tells it from any other.
func row(_ id: Int64, under parent: Int64? = nil, _ status: AffiliateStatus = .active) -> AffiliateRow {
    AffiliateRow(
        id: AffiliateID(id), parent: parent.map { AffiliateID($0) }, status: status,
        profile: AffiliateProfile(
            externalID: "x\(id)", referralCode: id % 3 == 0 ? "r\(id)" : nil, name: id % 5 == 0 ? "" : "Name \(id) é",
            email: id % 2 == 0 ? "" : nil, phone: id % 7 == 0 ? "+55 \(id)" : nil, document: nil,
            category: id % 4 == 0 ? "vip" : AffiliateProfile.defaultCategory, registrationMicroseconds: id &* 1_000_003))
}

func partition(_ rows: [AffiliateRow]) throws -> Partition {
    let builder = PartitionBuilder(shard: ShardID(7))
    for row in rows { try builder.append(row) }
    return try builder.finish()
}

extension Partition {
    func counts(_ id: Int64, depth: Int = .max) -> [Int] {
        var counts: [Int] = []
        guard let node = find(AffiliateID(id)) else { return [-1] }
        levelCounts(below: node, depth: depth) { _, count in counts.append(count) }
        return counts
    }

    /// All members' ids, paged through in pages of `limit`.
    func paged(_ id: Int64, depth: Int = .max, limit: Int, status: AffiliateStatus? = nil) throws -> [Int64] {
        guard let node = find(AffiliateID(id)) else { return [-1] }
        var result: [Int64] = []
        var cursor: PageCursor?
        repeat {
            cursor = try members(below: node, depth: depth, after: cursor, limit: limit, status: status) {
                result.append($0.id.rawValue)
            }
        } while cursor != nil
        return result
    }
}
