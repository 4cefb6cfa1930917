import Core

/// One numbered change of one shard's hierarchy.
package struct HierarchyChange: Sendable, Equatable {
    package var shard: ShardID
    package var sequence: ChangeSequence
    package var kind: Kind

    package enum Kind: Sendable, Equatable {
        /// Parent and status are those of the moment; the profile is read with `HierarchyChanges.rows`.
        case joined(AffiliateID, parent: AffiliateID?, status: AffiliateStatus)
        case statusChanged(AffiliateID, to: AffiliateStatus)
        /// Within the shard.
        case moved(AffiliateID, parent: AffiliateID?, affiliates: Int64)
        /// The affiliate and its downline have left for another shard.
        case movedOut(AffiliateID, to: ShardID, affiliates: Int64)
        /// The affiliate and its downline have come from another shard; read them with `HierarchyChanges.subtreeRows`.
        case movedIn(AffiliateID, parent: AffiliateID?, from: ShardID, affiliates: Int64)
        /// Affiliates were written in bulk: load the whole shard again.
        case reloaded
    }

    package init(shard: ShardID, sequence: ChangeSequence, kind: Kind) {
        self.shard = shard
        self.sequence = sequence
        self.kind = kind
    }
}

/// What a follower gets when it asks for the changes after the last it knows.
package enum ChangeRead: Sendable, Equatable {
    /// In order, without a gap after the number asked for; empty when there is nothing newer.
    case changes([HierarchyChange])
    /// The next changes are no longer kept: load the shard again.
    case reloadNeeded
}
