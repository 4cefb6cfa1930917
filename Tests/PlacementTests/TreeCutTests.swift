import Core
import Testing

@testable import Placement

/// A forest of which every node is known, with each node's own weight.
private struct Forest {
    /// The sponsor of node i + 1, as its number; 0: a root.
    var sponsors: [Int]
    var own: [Int64]

    init(seed: Int, nodesMax: Int) {
        var numbers = SeededNumbers(seed: seed)
        let count = Int.random(in: 1...nodesMax, using: &numbers)
        sponsors = (0..<count).map { Int.random(in: 0...$0, using: &numbers) }
        own = (0..<count).map { _ in Int64.random(in: 1...9, using: &numbers) }
    }

    var total: Int64 { own.reduce(0, +) }

    var nodes: [HeavyNode] {
        var weights = own
        for index in own.indices.reversed() where sponsors[index] > 0 { weights[sponsors[index] - 1] += weights[index] }
        return own.indices.map { index in
            HeavyNode(
                id: AffiliateID(Int64(index + 1)), sponsor: sponsors[index] == 0 ? nil : AffiliateID(Int64(sponsors[index])),
                weight: weights[index])
        }
    }

    /// The weights of the pieces when these nodes are cut off, and last what stays.
    func pieces(cutting cuts: Set<Int>) -> [Int64] {
        var weights = own
        var rest: Int64 = 0
        var pieces: [Int64] = []
        for index in own.indices.reversed() {
            if cuts.contains(index + 1) {
                pieces.append(weights[index])
            } else if sponsors[index] > 0 {
                weights[sponsors[index] - 1] += weights[index]
            } else {
                rest += weights[index]
            }
        }
        return pieces + [rest]
    }

    /// The fewest cuts with which nothing is heavier than `most`; nil if there are none.
    func fewestCuts(_ most: Int64) -> Int? {
        (0..<(1 << own.count)).filter { (mask: Int) -> Bool in
            pieces(cutting: Set(own.indices.filter { mask >> $0 & 1 == 1 }.map { $0 + 1 })).allSatisfy { $0 <= most }
        }.map(\.nonzeroBitCount).min()
    }
}

@Suite("Where a tree could be cut")
struct TreeCutTests {
    @Test("pieces and rest are together what was cut, each as heavy as the cut says, and the cuts are the fewest there are")
    func fewest() {
        for seed in 0..<400 {
            let forest = Forest(seed: seed, nodesMax: 9)
            let most = Int64(9 + seed % 15)
            let cut = TreeCut(forest.nodes, total: forest.total, pieceMax: most)
            let told = cut.pieces.map(\.weight) + [cut.rest]
            let real = forest.pieces(cutting: Set(cut.pieces.map { Int($0.node.rawValue) }))
            #expect(told.sorted() == real.sorted(), "seed \(seed)")
            #expect(told.reduce(0, +) == forest.total, "seed \(seed)")
            #expect(cut.heaviest <= most, "seed \(seed)")
            #expect(cut.pieces.count == forest.fewestCuts(most), "seed \(seed)")
        }
    }

    @Test("a chain of 100,000 is cut without recursion")
    func chain() {
        let nodes = (1...Int64(100_000)).map { (number: Int64) -> HeavyNode in
            let sponsor = number == 1 ? nil : AffiliateID(number - 1)
            return HeavyNode(id: AffiliateID(number), sponsor: sponsor, weight: 100_001 - number)
        }
        let cut = TreeCut(nodes, total: 100_000, pieceMax: 25_000)
        #expect(cut.pieces.map(\.weight) == [25_000, 25_000, 25_000] && cut.rest == 25_000)
        #expect(cut.pieces.map(\.node.rawValue) == [25_001, 50_001, 75_001])
    }

    @Test("what hangs below no heavy node stays with its heavy ancestor, however heavy that is")
    func star() {
        let cut = TreeCut(
            [HeavyNode(id: AffiliateID(1), sponsor: nil, weight: 1_000)], total: 1_010, pieceMax: 100)
        #expect(cut.pieces == [TreeCut.Piece(node: AffiliateID(1), sponsor: nil, weight: 1_000)])
        #expect(cut.rest == 10 && cut.heaviest == 1_000)
    }

    private func placed(_ number: Int, _ weight: Int64) -> PlacedShard {
        PlacedShard(id: ShardID(number), owner: WorkerInstanceID(1), weight: weight, affiliates: weight)
    }
    private func workers(_ count: Int) -> [PlacedWorker] {
        (1...count).map { PlacedWorker(instance: WorkerInstanceID(Int64($0)), capacity: 1) }
    }

    @Test("a giant root is proposed to be cut at as few heavy nodes as balance the cluster")
    func proposal() throws {
        // A root with four branches of 200, one of which has a branch of 150.
        var nodes = [HeavyNode(id: AffiliateID(1), sponsor: nil, weight: 801)]
        for number in 2...5 { nodes.append(HeavyNode(id: AffiliateID(Int64(number)), sponsor: AffiliateID(1), weight: 200)) }
        nodes.append(HeavyNode(id: AffiliateID(6), sponsor: AffiliateID(2), weight: 150))
        let proposal = try #require(
            CutProposal.find(
                placed(0, 801), others: [placed(1, 10)], nodes: nodes, workers: workers(4), threshold: 1_000))
        #expect(proposal.balances && proposal.imbalanceAfter <= 1_000)
        #expect(proposal.cut.pieces.map(\.node.rawValue) == [2, 3, 4])
        #expect(proposal.cut.rest == 201)
    }

    @Test("a giant that no known node divides gets no proposal, and one that they divide too coarsely gets the best they do")
    func noHelp() throws {
        let star = [HeavyNode(id: AffiliateID(1), sponsor: nil, weight: 900)]
        #expect(CutProposal.find(placed(0, 900), others: [], nodes: star, workers: workers(3), threshold: 1_000) == nil)
        let lopsided = star + [HeavyNode(id: AffiliateID(2), sponsor: AffiliateID(1), weight: 800)]
        let proposal = try #require(
            CutProposal.find(placed(0, 900), others: [], nodes: lopsided, workers: workers(3), threshold: 1_000))
        #expect(!proposal.balances && proposal.cut.pieces.map(\.weight) == [800] && proposal.imbalanceAfter == 16_666)
    }
}
