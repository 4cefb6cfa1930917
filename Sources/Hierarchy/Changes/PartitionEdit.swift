import Core

/// Changes too large for the overlay, carried out by a rebuild, all of them or none.
package struct PartitionEdit: Sendable {
    /// Affiliates that leave together with all below them. What `moved` takes out of such a subtree stays.
    package var removed: [AffiliateID]
    /// Affiliates that get another sponsor, with all below them. A nil sponsor makes a root.
    package var moved: [Move]
    /// Affiliates that arrive, in any order. Their sponsors are here already or arrive with them.
    package var added: [AffiliateRow]

    package struct Move: Hashable, Sendable {
        package var id: AffiliateID
        package var parent: AffiliateID?

        package init(id: AffiliateID, parent: AffiliateID?) {
            self.id = id
            self.parent = parent
        }
    }

    package init(removed: [AffiliateID] = [], moved: [Move] = [], added: [AffiliateRow] = []) {
        self.removed = removed
        self.moved = moved
        self.added = added
    }
}
