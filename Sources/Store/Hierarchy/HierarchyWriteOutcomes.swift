import Core

/// What became of a join. Everything but `joined` has written nothing.
package enum JoinOutcome: Sendable, Equatable {
    /// `sequence` numbers the change in the fence's shard.
    case joined(AffiliateID, level: Int, sequence: ChangeSequence)
    /// The shard has another owner or epoch: this worker must stop serving it.
    case fenced
    case unknownParent
    /// The sponsor is in that shard: ask its owner.
    case parentElsewhere(ShardID)
    /// The affiliate would stand below level `hierarchyLevelMax`.
    case tooDeep
    /// Somebody has that number, external id or referral code already.
    case duplicate(UniqueField, holder: AffiliateID, shard: ShardID)

    package enum UniqueField: String, Sendable, CaseIterable {
        case affiliateID = "affiliate_id"
        case externalID = "external_id"
        case referralCode = "referral_code"
    }
}

/// What became of a change of status. Everything but `changed` has written nothing.
package enum StatusOutcome: Sendable, Equatable {
    case changed(from: AffiliateStatus, sequence: ChangeSequence)
    /// The shard has another owner or epoch: this worker must stop serving it.
    case fenced
    case unknownAffiliate
    case elsewhere(ShardID)
    /// The affiliate has that status already.
    case unchanged
}

/// What became of a move. Everything but `moved` has written nothing.
package enum MoveOutcome: Sendable, Equatable {
    case moved(Move)
    /// The shard has another owner or epoch: this worker must stop serving it.
    case fenced
    case unknownAffiliate
    case elsewhere(ShardID)
    case unknownParent
    /// The new sponsor is the affiliate itself or in its downline.
    case cycle
    /// Somebody of the downline would stand below level `hierarchyLevelMax`.
    case tooDeep
    /// The affiliate has that sponsor already, or is a root already.
    case unchanged

    package struct Move: Sendable, Equatable {
        /// The number of the change in the fence's shard.
        package var sequence: ChangeSequence
        /// Where the subtree is now: the fence's shard, or the new sponsor's.
        package var targetShard: ShardID
        /// The number of the change in `targetShard`, when that is another shard.
        package var targetSequence: ChangeSequence?
        /// The affiliate and its whole downline.
        package var affiliatesMoved: Int64
        package var oldParent: AffiliateID?
        /// The affiliate's new level.
        package var level: Int

        package init(
            sequence: ChangeSequence, targetShard: ShardID, targetSequence: ChangeSequence?, affiliatesMoved: Int64,
            oldParent: AffiliateID?, level: Int
        ) {
            self.sequence = sequence
            self.targetShard = targetShard
            self.targetSequence = targetSequence
            self.affiliatesMoved = affiliatesMoved
            self.oldParent = oldParent
            self.level = level
        }
    }
}
