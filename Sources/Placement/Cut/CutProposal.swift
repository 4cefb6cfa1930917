import Core

/// Where one shard would have to be cut for the cluster to be balanced by moving, with as few cuts as can be.
package struct CutProposal: Sendable, Equatable {
    package let shard: ShardID
    package let cut: TreeCut
    /// How far the heaviest worker would then be above the mean, in 1/10,000 of it.
    package let imbalanceAfter: Int64
    /// Whether that is within the threshold.
    package let balances: Bool

    /// Pieces are tried from a worker's whole fair share down to 1/64 of it, by halves.
    private static let halvings = 6
    /// More cuts than this are no proposal.
    package static let cutsMax = 64

    /// The fewest cuts after which all shards and pieces, placed anew, are within the threshold; if none are found, those that come closest.
    /// Nil when no cut makes the heaviest piece lighter.
    ///
    /// - Parameters:
    ///   - shard: the one to cut, with its weight.
    ///   - others: the weights of all the other shards of open and draining workers.
    ///   - nodes: the heaviest affiliates of the shard, as `TreeCut` has them, in the unit of the weights.
    ///   - workers: the open ones.
    ///   - threshold: in 1/10,000.
    package static func find(
        _ shard: PlacedShard, others: [PlacedShard], nodes: [HeavyNode], workers: [PlacedWorker], threshold: Int64
    ) -> CutProposal? {
        let weights = others.map(\.weight)
        let total = (weights + [shard.weight]).reduce(0) { $0 + max(0, $1) }
        let rooms = workers.map(\.share)
        let room = rooms.reduce(0, +)
        guard let smallest = rooms.min(), room > 0, total > 0 else { return nil }
        var best: CutProposal?
        for halving in 0...halvings {
            let pieceMax = Int64(clamping: Int128(total) * Int128(smallest) / Int128(room)) >> halving
            let cut = TreeCut(nodes, total: shard.weight, pieceMax: max(1, pieceMax))
            guard cut.pieces.count <= cutsMax, !cut.pieces.isEmpty, cut.heaviest < shard.weight else { continue }
            let imbalance = imbalance(weights + cut.pieces.map(\.weight) + [cut.rest], rooms, total: total, room: room)
            let proposal = CutProposal(
                shard: shard.id, cut: cut, imbalanceAfter: imbalance, balances: imbalance <= threshold)
            if proposal.balances { return proposal }
            if best.map({ imbalance < $0.imbalanceAfter }) ?? true { best = proposal }
        }
        return best
    }

    /// Heaviest first, each to the worker that is then least loaded for its capacity.
    private static func imbalance(_ weights: [Int64], _ rooms: [Int64], total: Int64, room: Int64) -> Int64 {
        var loads = rooms.map { Relative(amount: 0, room: $0) }
        for weight in weights.sorted(by: >) where weight > 0 {
            var best = 0
            var lightest = Relative(amount: loads[0].amount + weight, room: loads[0].room)
            for index in loads.indices.dropFirst() {
                let after = Relative(amount: loads[index].amount + weight, room: loads[index].room)
                if after < lightest { (best, lightest) = (index, after) }
            }
            loads[best] = lightest
        }
        guard let peak = loads.max() else { return 0 }
        let share = Int128(peak.amount) * Int128(room) * Int128(FairShare.whole) / (Int128(total) * Int128(peak.room))
        return Int64(clamping: share) - FairShare.whole
    }
}
