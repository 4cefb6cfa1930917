/// Finds out why rows do not hang from any root: an unknown sponsor, a cycle, a refused sponsor, or too great a depth.
///
/// Takes the rows that a walk down from the roots did not reach. Every row walked over once, no recursion: memory is some 40 bytes a row.
package struct UnreachedAffiliates {
    /// A row that was not reached.
    package struct Row: Sendable {
        package let lineOrID: Int64
        package let id: Int64
        /// Never nil: a row without a sponsor is a root, and reached.
        package let parent: Int64

        package init(lineOrID: Int64, id: Int64, parent: Int64) {
            self.lineOrID = lineOrID
            self.id = id
            self.parent = parent
        }
    }

    /// What is known of a sponsor that is not among the rows.
    package enum Sponsor: Sendable {
        /// In the hierarchy, at the deepest level allowed.
        case deepest
        /// A row of this source, refused for a reason of its own.
        case refused
        case unknown
    }

    /// What a row suffers from; the number is the id of the affiliate it begins with.
    private enum Cause {
        case cycle(lowest: Int64)
        case belowCycle(lowest: Int64)
        case orphan
        case belowRefused(Int64)
        case tooDeep
    }

    /// - Parameters:
    ///   - rows: distinct ids.
    ///   - levelsMax: the deepest level allowed, for the message.
    /// - Returns: a reject for every row, in the order of the rows.
    package static func rejects(_ rows: [Row], levelsMax: Int, sponsor: (Int64) -> Sponsor) -> [Reject] {
        var positions: [Int64: Int] = [:]
        positions.reserveCapacity(rows.count)
        for (position, row) in rows.enumerated() { positions[row.id] = position }
        var causes = [Cause?](repeating: nil, count: rows.count)
        // The walk a row was last seen on: meeting the walk of now again is a cycle.
        var walks = [Int](repeating: -1, count: rows.count)
        for start in rows.indices where causes[start] == nil {
            var path: [Int] = []
            var position = start
            var above: Cause?
            while above == nil {
                walks[position] = start
                path.append(position)
                guard let next = positions[rows[position].parent] else {
                    let last = path.removeLast()
                    let cause = cause(sponsor(rows[last].parent), below: rows[last].parent)
                    causes[last] = cause
                    above = below(cause, id: rows[last].id)
                    break
                }
                if let known = causes[next] {
                    above = below(known, id: rows[next].id)
                } else if walks[next] == start {
                    above = closeCycle(&path, at: next, rows, &causes)
                }
                position = next
            }
            for member in path.reversed() { causes[member] = above }
        }
        return zip(rows, causes).map { row, cause in
            Reject(lineOrID: row.lineOrID, affiliateID: row.id, reason: reason(cause), detail: detail(cause, row, levelsMax))
        }
    }

    /// Takes the members of the cycle from the end of the path.
    private static func closeCycle(_ path: inout [Int], at first: Int, _ rows: [Row], _ causes: inout [Cause?]) -> Cause {
        guard let begin = path.lastIndex(of: first) else { return .orphan }
        let members = path[begin...]
        let lowest = members.map { rows[$0].id }.min() ?? rows[first].id
        for member in members { causes[member] = .cycle(lowest: lowest) }
        path.removeSubrange(begin...)
        return .belowCycle(lowest: lowest)
    }

    private static func cause(_ sponsor: Sponsor, below parent: Int64) -> Cause {
        switch sponsor {
        case .deepest: .tooDeep
        case .refused: .belowRefused(parent)
        case .unknown: .orphan
        }
    }

    private static func below(_ cause: Cause, id: Int64) -> Cause {
        switch cause {
        case .cycle(let lowest), .belowCycle(let lowest): .belowCycle(lowest: lowest)
        case .orphan: .belowRefused(id)
        case .belowRefused, .tooDeep: cause
        }
    }

    private static func reason(_ cause: Cause?) -> RejectReason {
        switch cause {
        case .cycle: .cycle
        case .orphan: .orphan
        case .tooDeep: .tooDeep
        case .belowCycle, .belowRefused, nil: .sponsorRejected
        }
    }

    private static func detail(_ cause: Cause?, _ row: Row, _ levelsMax: Int) -> String {
        switch cause {
        case .cycle(let lowest) where row.parent == row.id: "is its own sponsor (\(lowest))"
        case .cycle(let lowest):
            "its upline comes back to itself, through sponsor \(row.parent); the cycle's lowest id is \(lowest)"
        case .belowCycle(let lowest): "its upline ends in the cycle of affiliate \(lowest)"
        case .orphan: "sponsor \(row.parent) is neither in the source nor in the hierarchy"
        case .belowRefused(let refused): "its upline ends in affiliate \(refused), which is refused"
        case .tooDeep: "would stand below level \(levelsMax), the deepest allowed"
        case nil: "sponsor \(row.parent) is refused"
        }
    }
}
