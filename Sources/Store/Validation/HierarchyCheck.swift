/// One thing that has to hold for every affiliate. The words stand in the report.
package enum HierarchyCheck: String, CaseIterable, Sendable {
    case orphans
    case cycles
    case levelInconsistencies = "level_inconsistencies"
    case invalidPaths = "invalid_paths"
    case directCounterMismatches = "direct_counter_mismatches"
    case networkCounterMismatches = "network_counter_mismatches"
    case duplicateIndexRows = "duplicate_index_rows"
    case invalidIndexRows = "invalid_index_rows"
    case missingIndexRows = "missing_index_rows"
    case wrongDistanceIndexRows = "wrong_distance_index_rows"
    case surplusIndexRows = "surplus_index_rows"
    case shardMismatches = "shard_mismatches"
    case shardCountMismatches = "shard_count_mismatches"
    case v1Missing = "v1_missing"
    case v1Links = "v1_links"
    case v1Status = "v1_status"
    case v1ExternalID = "v1_external_id"
    case v1Top10 = "v1_top_10"

    /// What is wrong with those it counts.
    package var meaning: String {
        switch self {
        case .orphans: "the sponsor does not exist"
        case .cycles: "the upline comes back to itself, or ends in such a one"
        case .levelInconsistencies: "hierarchy_level is not the sponsor's plus one, from 1 at the root"
        case .invalidPaths: "hierarchy_path is not the ids from the root to the affiliate"
        case .directCounterMismatches: "direct_referrals_count is not the number of direct referrals"
        case .networkCounterMismatches: "total_network_size is not the number of all below"
        case .duplicateIndexRows: "a pair stands in the index twice"
        case .invalidIndexRows: "a pair of the index names an affiliate that does not exist, itself, or a distance below 1"
        case .missingIndexRows: "a pair is not in the index"
        case .wrongDistanceIndexRows: "a pair stands in the index with a wrong distance"
        case .surplusIndexRows: "a pair of the index is none: the one is not above the other"
        case .shardMismatches: "the shard is not the root's"
        case .shardCountMismatches: "shard or shard_sequence lacks the shard, or affiliates_count is not its number of affiliates"
        case .v1Missing: "an affiliate of V1 is not here, or one here is not in V1"
        case .v1Links: "the sponsor is not V1's"
        case .v1Status: "the status is not V1's"
        case .v1ExternalID: "the external id is not V1's"
        case .v1Top10: "one of V1's ten with the most direct referrals has another number here"
        }
    }

    /// Whether it compares with V1 rather than the hierarchy with itself.
    package var needsV1: Bool {
        switch self {
        case .v1Missing, .v1Links, .v1Status, .v1ExternalID, .v1Top10: true
        default: false
        }
    }
}

/// What a check found.
package struct HierarchyFinding: Sendable, Equatable {
    package let check: HierarchyCheck
    /// Affiliates, or pairs, for which it does not hold.
    package let count: Int64
    /// A few of them: ids, or `ancestor>descendant`.
    package let examples: [String]
}

/// What a validation found.
package struct HierarchyReport: Sendable, Equatable {
    package var affiliates: Int64
    package var roots: Int64
    package var links: Int64
    package var indexRows: Int64
    /// Nil if there was no V1 to compare with.
    package var v1Affiliates: Int64?
    package var v1Links: Int64?
    package var findings: [HierarchyFinding]

    package var isClean: Bool { findings.allSatisfy { $0.count == 0 } }
}
