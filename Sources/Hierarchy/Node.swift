import Core

/// A handle to one affiliate of one partition.
///
/// It stays good while that partition lives, joins and status changes included. It means nothing in another partition, so
/// after a rebuild find the affiliate again.
package struct Node: Hashable, Sendable {
    /// Below the forest's count a position, from there on the number of an overlay entry.
    let number: UInt32
}

/// One affiliate of a network, as a page shows it.
package struct Member: Hashable, Sendable {
    package var id: AffiliateID
    package var parent: AffiliateID
    /// How many links below the one whose network it is; a direct referral has 1.
    package var levelDistance: Int
    package var status: AffiliateStatus
    package var directReferrals: Int
}

/// The place right after one member of a network, in an order that joins and rebuilds do not change.
package struct PageCursor: Hashable, Sendable {
    package var levelDistance: Int
    package var parent: AffiliateID
    package var id: AffiliateID

    package init(levelDistance: Int, parent: AffiliateID, id: AffiliateID) {
        self.levelDistance = levelDistance
        self.parent = parent
        self.id = id
    }
}
