/// Who is below whom in a generated network: positions in the order of the rows, without any text.
///
/// Eight bytes an affiliate, or 20 for profile `fature`, so ten million fit anywhere.
struct NetworkShape {
    /// The id at each position, ascending, or nil when the id is the position plus one.
    var ids: [Int64]?
    /// The sponsor's position, or -1 for a root.
    var parents: [Int32]
    var directReferrals: [Int32]
    /// Seconds since 1970 at each position, or nil when they follow from the position.
    var registrations: [Int32]?

    static let noParent: Int32 = -1

    init(parents: [Int32]) {
        self.parents = parents
        directReferrals = NetworkShape.counts(of: parents)
    }

    static func counts(of parents: [Int32]) -> [Int32] {
        var counts = [Int32](repeating: 0, count: parents.count)
        for parent in parents where parent >= 0 { counts[Int(parent)] += 1 }
        return counts
    }

    func id(at position: Int) -> Int64 { ids?[position] ?? Int64(position) + 1 }
}

extension NetworkShape {
    static func chain(_ count: Int) -> NetworkShape {
        NetworkShape(parents: (0..<count).map { Int32($0) - 1 })
    }

    static func star(_ count: Int) -> NetworkShape {
        NetworkShape(parents: (0..<count).map { $0 == 0 ? noParent : 0 })
    }

    /// The most affiliates in one of the small trees.
    static let smallTreeAffiliatesMax = 50

    static func uniform(_ count: Int, _ random: inout RandomStream) -> NetworkShape {
        var parents: [Int32] = []
        parents.reserveCapacity(count)
        var start = 0
        var end = 0
        for position in 0..<count {
            if position == end {
                start = position
                end = position + 1 + random.below(smallTreeAffiliatesMax)
                parents.append(noParent)
            } else {
                parents.append(Int32(start + random.below(position - start)))
            }
        }
        return NetworkShape(parents: parents)
    }

    /// Two of every five positions, the first among them, belong to the one large tree: 40%.
    static func skew(_ count: Int, _ random: inout RandomStream) -> NetworkShape {
        func large(_ rank: Int) -> Int { rank / 2 * 5 + rank % 2 }
        func small(_ rank: Int) -> Int { rank / 3 * 5 + 2 + rank % 3 }
        var parents: [Int32] = []
        parents.reserveCapacity(count)
        var largeCount = 0
        var smallCount = 0
        var start = 0
        var end = 0
        for position in 0..<count {
            if position % 5 < 2 {
                parents.append(largeCount == 0 ? noParent : Int32(large(random.skewedBelow(largeCount))))
                largeCount += 1
            } else {
                if smallCount == end {
                    start = smallCount
                    end = smallCount + 1 + random.below(smallTreeAffiliatesMax)
                    parents.append(noParent)
                } else {
                    parents.append(Int32(small(start + random.below(smallCount - start))))
                }
                smallCount += 1
            }
        }
        return NetworkShape(parents: parents)
    }
}
