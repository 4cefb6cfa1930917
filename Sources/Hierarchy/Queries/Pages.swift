import Core

extension Partition {
    /// Positions one page may look at when a status is asked for.
    package static let scanMax = 65_536

    /// Hands out a network's members level by level, in each level by sponsor and then by id.
    ///
    /// The page starts right after `after`, or at the first direct referral, and ends at `limit` members, at `depth`, or, when few
    /// have the wanted `status`, after `scanMax` positions: then it may hold fewer than `limit`, even none, and still have a cursor.
    /// The result is the place to go on from, or nil at the end. Neither joins nor rebuilds in between make pages repeat
    /// or leave out a member who was there all along. A limit of zero or less hands out nothing and returns `after`.
    ///
    /// Throws `cursorExpired` if the sponsor named by the cursor is no longer at that place of this network.
    package func members(
        below node: Node, depth: Int, after: PageCursor? = nil, limit: Int, status: AffiliateStatus? = nil,
        _ body: (Member) -> Void
    ) throws(PartitionError) -> PageCursor? {
        check(node)
        guard limit > 0 else { return after }
        var page = Page(limit: limit, status: status?.rawValue)
        var resume: (level: Int, cut: Cut)?
        if let after { resume = (after.levelDistance, try cut(after: after, below: node)) }
        forEachLevel(below: node, depth: depth) { level, low, high in
            if let resume, level < resume.level { return true }
            return show(&page, level, resume?.level == level ? resume?.cut ?? low : low, high, body)
        }
        guard page.hasMore, let last = page.last else { return nil }
        let parent = parentNumber(last.number)
        return PageCursor(
            levelDistance: last.level, parent: AffiliateID(rawID(parent)), id: AffiliateID(rawID(last.number)))
    }

    private struct Page {
        var limit: Int
        let status: UInt8?
        var scanned = 0
        var last: (number: UInt32, level: Int)?
        var hasMore = false
    }

    /// Where a cursor stands: after that child of that sponsor, whether or not the child is still there.
    private func cut(after cursor: PageCursor, below node: Node) throws(PartitionError) -> Cut {
        guard cursor.levelDistance >= 1, let parent = find(cursor.parent),
            ancestor(of: parent.number, steps: cursor.levelDistance - 1) == node.number
        else { throw .cursorExpired(cursor) }
        return cut(afterChild: cursor.id.rawValue, of: parent)
    }

    /// Shows one level's members from one cut to another; false once the page is full.
    @inline(__always)
    private func show(_ page: inout Page, _ level: Int, _ from: Cut, _ to: Cut, _ body: (Member) -> Void) -> Bool {
        var at = from
        while at != to {
            if page.limit == 0 || (page.status != nil && page.scanned == Self.scanMax) {
                page.hasMore = true
                return false
            }
            let number = next(&at, to)
            page.scanned += 1
            page.last = (number, level)
            let status = rawStatus(number)
            if let wanted = page.status, wanted != status { continue }
            page.limit -= 1
            body(
                Member(
                    id: AffiliateID(rawID(number)), parent: AffiliateID(rawID(parentNumber(number))),
                    levelDistance: level, status: AffiliateStatus(stored: status), directReferrals: directs(number)))
        }
        return true
    }

    /// The node right after a cut, and the cut moved behind it.
    @inline(__always)
    func next(_ at: inout Cut, _ end: Cut) -> UInt32 {
        if at.overlay < end.overlay, at.base == end.base || overlay[rank: at.overlay].basePosition <= at.base {
            defer { at.overlay += 1 }
            return forestCount + overlay.order[at.overlay]
        }
        defer { at.base += 1 }
        return at.base
    }
}
