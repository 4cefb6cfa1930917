/// Builds the shape of profile `fature`: first by levels, where counts are exact, then shuffled onto ascending ids.
struct FatureShape {
    /// An affiliate whose number of direct referrals is fixed.
    private struct Wide {
        let largeTree: Bool
        let distance: Int
        let directReferrals: Int
        let id: Int64?
    }

    private var random: RandomStream
    private var parents: [Int32] = []
    private var directReferrals = [Int32](repeating: 0, count: FatureFigures.affiliates)
    private var fixedIDs: [(node: Int, id: Int64)] = []

    static func make(_ random: RandomStream) -> NetworkShape {
        var builder = FatureShape(random: random)
        builder.parents.reserveCapacity(FatureFigures.affiliates)
        builder.appendTrees(FatureFigures.largeTree, largeTree: true)
        builder.appendTrees(FatureFigures.otherTrees, largeTree: false)
        return builder.placed()
    }

    private init(random: RandomStream) { self.random = random }

    /// The five published ones, then 25 that continue their curve, so that the sixth is not far from the fifth.
    private static let wide: [Wide] = {
        let figures = FatureFigures.widest
        let places = [(true, 0), (false, 0), (true, 1), (false, 0), (false, 1)]
        var all = zip(figures, places).map { figure, place in
            Wide(largeTree: place.0, distance: place.1, directReferrals: figure.directReferrals, id: figure.id)
        }
        let further = [(false, 0), (false, 1), (true, 2), (false, 2)]
        for rank in 6...30 {
            let place = further[rank % further.count]
            all.append(Wide(largeTree: place.0, distance: place.1, directReferrals: 40_055 / rank, id: nil))
        }
        return all
    }()

    private mutating func appendTrees(_ counts: [Int], largeTree: Bool) {
        var above = parents.count..<parents.count
        for (distance, count) in counts.enumerated() {
            let start = parents.count
            if distance == 0 {
                for _ in 0..<count { parents.append(NetworkShape.noParent) }
            } else {
                appendLevel(
                    count, below: above,
                    wide: FatureShape.wide.filter { $0.largeTree == largeTree && $0.distance == distance - 1 })
            }
            above = start..<parents.count
        }
    }

    private mutating func appendLevel(_ count: Int, below above: Range<Int>, wide: [Wide]) {
        var rest = count
        for (offset, one) in wide.enumerated() {
            // Evenly over the level, so that the wide ones do not all end up in one tree.
            let node = above.lowerBound + (2 * offset + 1) * above.count / (2 * wide.count)
            if let id = one.id { fixedIDs.append((node, id)) }
            for _ in 0..<one.directReferrals { append(below: node) }
            rest -= one.directReferrals
        }
        for _ in 0..<rest {
            // A quarter spreads evenly and the rest gathers, so that many trees stay small or empty.
            var node =
                above.lowerBound
                + (random.below(4) == 0 ? random.below(above.count) : scattered(random.skewedBelow(above.count), above))
            while directReferrals[node] >= FatureFigures.ordinaryDirectReferralsMax {
                node = above.lowerBound + random.below(above.count)
            }
            append(below: node)
        }
    }

    /// Turns a rank within a level into a place, so that a level's popular ones do not stand side by side below one sponsor.
    private func scattered(_ rank: Int, _ level: Range<Int>) -> Int {
        // A prime above every count: a permutation.
        (rank * 15_485_863 + level.lowerBound) % level.count
    }

    private mutating func append(below node: Int) {
        parents.append(Int32(node))
        directReferrals[node] += 1
    }

    /// Gives every node a place among the ascending ids, by chance, except those whose id is published.
    private mutating func placed() -> NetworkShape {
        let count = parents.count
        let ids = ascendingIDs(count)
        var positions = (0..<count).map { Int32($0) }
        for last in stride(from: count - 1, to: 0, by: -1) { positions.swapAt(last, random.below(last + 1)) }
        var nodes = [Int32](repeating: 0, count: count)
        for (node, position) in positions.enumerated() { nodes[Int(position)] = Int32(node) }
        for fixed in fixedIDs {
            let position = FatureShape.position(of: fixed.id, in: ids)
            let other = Int(nodes[position])
            let old = Int(positions[fixed.node])
            positions[fixed.node] = Int32(position)
            positions[other] = Int32(old)
            nodes[position] = Int32(fixed.node)
            nodes[old] = Int32(other)
        }
        let registrations = registrationsByNode()
        var shape = NetworkShape(
            parents: nodes.map { node in
                let parent = parents[Int(node)]
                return parent < 0 ? NetworkShape.noParent : positions[Int(parent)]
            })
        shape.ids = ids
        shape.registrations = nodes.map { registrations[Int($0)] }
        return shape
    }

    /// Ascending ids with gaps; the published ones take the place of the nearest below them.
    private mutating func ascendingIDs(_ count: Int) -> [Int64] {
        var ids: [Int64] = []
        ids.reserveCapacity(count)
        var id = FatureFigures.idFirst
        for _ in 0..<count {
            ids.append(id)
            id += Int64(FatureFigures.idGap.lowerBound + random.below(FatureFigures.idGap.count))
        }
        for fixed in fixedIDs { ids[FatureShape.position(of: fixed.id, in: ids)] = fixed.id }
        return ids
    }

    /// The position of the largest id that is not above `id`.
    private static func position(of id: Int64, in ids: [Int64]) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] <= id { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Nodes stand in level order, so a sponsor's date is known before its referrals'.
    private mutating func registrationsByNode() -> [Int32] {
        var dates: [Int32] = []
        dates.reserveCapacity(parents.count)
        for parent in parents {
            let from = parent < 0 ? FatureFigures.registrationFirst : Int64(dates[Int(parent)])
            let left = Int(FatureFigures.registrationEnd - from)
            dates.append(Int32(from) + Int32(1 + random.skewedBelow(max(1, left - 1))))
        }
        return dates
    }
}
