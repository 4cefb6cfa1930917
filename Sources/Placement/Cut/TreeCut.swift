import Core

/// An affiliate with much below it.
package struct HeavyNode: Sendable, Equatable {
    package var id: AffiliateID
    /// Nil: a root.
    package var sponsor: AffiliateID?
    /// The affiliate and its whole downline.
    package var weight: Int64

    package init(id: AffiliateID, sponsor: AffiliateID?, weight: Int64) {
        self.id = id
        self.sponsor = sponsor
        self.weight = weight
    }
}

/// Where the trees of one shard could be cut so that no piece is heavier than a given weight.
///
/// Bottom up, each node sheds its heaviest children until what hangs together at it is light enough; for whole trees this takes the fewest cuts
/// there are (S. Kundu, J. Misra, "A Linear Tree Partitioning Algorithm", 1977). Only heavy nodes are known here: what is below none of them
/// counts as its heavy ancestor's own, and cannot be cut off.
package struct TreeCut: Sendable, Equatable {
    /// What is cut off: the affiliate and its downline, without the pieces that are cut off below it.
    package struct Piece: Sendable, Equatable {
        package let node: AffiliateID
        /// Nil: a whole tree, which needs no cut, only a shard of its own.
        package let sponsor: AffiliateID?
        package let weight: Int64
    }

    /// Heaviest first.
    package let pieces: [Piece]
    /// What stays in the shard.
    package let rest: Int64
    /// The heaviest of the pieces and the rest.
    package var heaviest: Int64 { max(rest, pieces.first?.weight ?? 0) }

    /// - Parameters:
    ///   - nodes: the heaviest of the shard; with each node its sponsor, unless that is lighter than the lightest of them (which it never is).
    ///   - total: the weight of the shard.
    ///   - pieceMax: the most that a piece should weigh; at least 1.
    package init(_ nodes: [HeavyNode], total: Int64, pieceMax: Int64) {
        // A sponsor is heavier than whom it has brought: lightest first is bottom up.
        let rising = nodes.sorted { $0.weight != $1.weight ? $0.weight < $1.weight : $0.id < $1.id }
        let known = Set(nodes.map(\.id))
        let shard = AffiliateID(0)
        func above(_ node: HeavyNode) -> AffiliateID { node.sponsor.flatMap { known.contains($0) ? $0 : nil } ?? shard }

        /// What hangs together at each node, and its heavy children that do.
        var own: [AffiliateID: Int64] = [shard: total]
        for node in rising { own[node.id] = node.weight }
        for node in rising { own[above(node), default: 0] -= node.weight }
        var attached: [AffiliateID: [(node: HeavyNode, weight: Int64)]] = [:]
        var pieces: [Piece] = []
        /// Sheds children of `id` while it is too heavy; returns what is left.
        func settle(_ id: AffiliateID) -> Int64 {
            var weight = own[id] ?? 0
            var children = attached.removeValue(forKey: id) ?? []
            children.sort { $0.weight != $1.weight ? $0.weight < $1.weight : $0.node.id > $1.node.id }
            weight += children.reduce(0) { $0 + $1.weight }
            while weight > pieceMax, let child = children.popLast() {
                pieces.append(Piece(node: child.node.id, sponsor: child.node.sponsor, weight: child.weight))
                weight -= child.weight
            }
            return weight
        }
        for node in rising { attached[above(node), default: []].append((node, settle(node.id))) }
        rest = settle(shard)
        self.pieces = pieces.sorted { $0.weight != $1.weight ? $0.weight > $1.weight : $0.node < $1.node }
    }
}
