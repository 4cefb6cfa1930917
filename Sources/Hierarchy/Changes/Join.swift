import Core

extension Partition {
    /// Adds an affiliate below its sponsor, or as a root. Every query counts it from now on.
    ///
    /// Throws `invalidIdentifier`, `duplicateIdentifier`, `orphan`, `profileFieldTooLong`, `overlayFull` (fold first), or
    /// `tooManyAffiliates`.
    @discardableResult
    package func join(_ row: AffiliateRow) throws(PartitionError) -> Node {
        let id = row.id.rawValue
        guard row.id.isValid else { throw .invalidIdentifier(id) }
        guard find(row.id) == nil else { throw .duplicateIdentifier(id) }
        guard overlay.count < OverlayPolicy.entriesMax else { throw .overlayFull(id) }
        guard affiliateCount < Forest.affiliatesMax else { throw .tooManyAffiliates(id) }
        var parent: Node?
        if let parentID = row.parent {
            guard let found = find(parentID) else { throw .orphan(id, parent: parentID.rawValue) }
            parent = found
        }
        let profileOffset = try row.profile.withView { view throws(PartitionError) in
            try overlayProfiles.append(view, id: id)
        }
        let place = cut(afterChild: id, of: parent)
        let number = overlay.insert(
            OverlayEntry(
                id: id, parent: parent?.number ?? Forest.noPosition, basePosition: place.base, rank: place.overlay,
                level: UInt32(parent.map { level(of: $0) } ?? 0) + 1, networkSize: 0, directReferrals: 0,
                profileOffset: profileOffset, status: row.status.rawValue))
        statusCounts[row.status] += 1
        countDescendant(of: parent)
        return Node(number: forestCount + number)
    }

    private func countDescendant(of parent: Node?) {
        guard let parent else { return }
        if parent.number >= forestCount {
            overlay.entries.start[Int(parent.number - forestCount)].directReferrals += 1
        }
        var number = parent.number
        while number != Forest.noPosition {
            if number < forestCount {
                networkSizes[number] += 1
                number = parents[number]
            } else {
                let entry = overlay.entries.start + Int(number - forestCount)
                entry.pointee.networkSize += 1
                number = entry.pointee.parent
            }
        }
    }

    /// Gives an affiliate another status. Throws `unknownAffiliate`.
    package func setStatus(_ status: AffiliateStatus, of id: AffiliateID) throws(PartitionError) {
        guard let node = find(id) else { throw .unknownAffiliate(id.rawValue) }
        statusCounts[self.status(of: node)] -= 1
        statusCounts[status] += 1
        if node.number < forestCount {
            statuses[node.number] = status.rawValue
        } else {
            overlay.entries.start[Int(node.number - forestCount)].status = status.rawValue
        }
    }
}
