import Core

/// How deep a hierarchy in PostgreSQL may be, a root being level 1. The closure of a chain grows with its square.
package let hierarchyLevelMax = 1000

/// Somebody joins under a sponsor, or as a root.
package struct JoinRequest: Sendable {
    package var fence: WriteFence
    /// The sponsor, who must be in the fence's shard; nil for a root, which is placed in the fence's shard.
    package var parent: AffiliateID?
    /// The number to join with; nil takes the next free one.
    package var affiliateID: AffiliateID?
    package var profile: AffiliateProfile
    package var status: AffiliateStatus
    package var origin: ChangeOrigin

    package init(
        fence: WriteFence, parent: AffiliateID?, affiliateID: AffiliateID? = nil, profile: AffiliateProfile,
        status: AffiliateStatus = .active, origin: ChangeOrigin
    ) {
        self.fence = fence
        self.parent = parent
        self.affiliateID = affiliateID
        self.profile = profile
        self.status = status
        self.origin = origin
    }
}

/// An affiliate of the fence's shard gets another status.
package struct StatusRequest: Sendable {
    package var fence: WriteFence
    package var affiliateID: AffiliateID
    package var status: AffiliateStatus
    package var reason: String?
    package var origin: ChangeOrigin

    package init(
        fence: WriteFence, affiliateID: AffiliateID, status: AffiliateStatus, reason: String? = nil, origin: ChangeOrigin
    ) {
        self.fence = fence
        self.affiliateID = affiliateID
        self.status = status
        self.reason = reason
        self.origin = origin
    }
}

/// An affiliate of the fence's shard gets another sponsor, and takes its whole downline along.
package struct MoveRequest: Sendable {
    package var fence: WriteFence
    package var affiliateID: AffiliateID
    /// The new sponsor, in any shard: the subtree follows it there. Nil makes a root of the affiliate, in its own shard.
    package var newParent: AffiliateID?
    package var reason: String
    package var origin: ChangeOrigin

    package init(fence: WriteFence, affiliateID: AffiliateID, newParent: AffiliateID?, reason: String, origin: ChangeOrigin) {
        self.fence = fence
        self.affiliateID = affiliateID
        self.newParent = newParent
        self.reason = reason
        self.origin = origin
    }
}
