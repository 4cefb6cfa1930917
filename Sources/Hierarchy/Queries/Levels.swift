import Core

extension Partition {
    /// Counts a network level by level: `body(1, …)` for the direct referrals, at most `depth` levels, up to the first empty one,
    /// which is not reported.
    package func levelCounts(below node: Node, depth: Int, _ body: (_ level: Int, _ count: Int) -> Void) {
        forEachLevel(below: node, depth: depth) { level, low, high in
            body(level, high.count(since: low))
            return true
        }
    }

    /// How many of a network's members, down to `depth`, have each status.
    package func statusCounts(below node: Node, depth: Int) -> StatusCounts {
        var counts = StatusCounts()
        forEachLevel(below: node, depth: depth) { _, low, high in
            counts += StatusCounts(counting: statuses, Int(low.base), Int(high.base))
            for rank in low.overlay..<high.overlay { counts[AffiliateStatus(stored: overlay[rank: rank].status)] += 1 }
            return true
        }
        return counts
    }

    /// Affiliates at each hierarchy level of the whole forest; the first is the roots.
    package var levelTotals: [Int] {
        var totals: [Int] = []
        var low = start
        var high = rootsEnd
        while high != low {
            totals.append(high.count(since: low))
            low = down(low)
            high = down(high)
        }
        return totals
    }

    /// Hands out the cuts around each non-empty level of a network until `body` returns false.
    @inline(__always)
    func forEachLevel(below node: Node, depth: Int, _ body: (_ level: Int, _ low: Cut, _ high: Cut) -> Bool) {
        check(node)
        var low = cut(before: node)
        var high = cut(after: node)
        var level = 0
        while level < depth {
            low = down(low)
            high = down(high)
            if low == high { return }
            level += 1
            if !body(level, low, high) { return }
        }
    }
}
