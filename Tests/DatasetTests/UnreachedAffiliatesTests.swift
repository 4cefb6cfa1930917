import Testing

@testable import Dataset

@Suite("Rows that hang from no root")
struct UnreachedAffiliatesTests {
    private func reasons(
        _ links: [(Int64, Int64)], refused: Set<Int64> = [], deepest: Set<Int64> = []
    ) -> [Int64: RejectReason] {
        let rows = links.enumerated().map {
            UnreachedAffiliates.Row(lineOrID: Int64($0.offset), id: $0.element.0, parent: $0.element.1)
        }
        let rejects = UnreachedAffiliates.rejects(rows, levelsMax: 1_000) {
            refused.contains($0) ? .refused : deepest.contains($0) ? .deepest : .unknown
        }
        #expect(rejects.map(\.lineOrID) == rows.map(\.lineOrID))
        return Dictionary(uniqueKeysWithValues: rejects.map { ($0.affiliateID ?? 0, $0.reason) })
    }

    @Test("every member of a cycle is named, and those below it are refused for their sponsor")
    func cycles() {
        #expect(reasons([(1, 1)]) == [1: .cycle])
        #expect(
            reasons([(1, 2), (2, 3), (3, 1), (4, 1), (5, 4)]) == [
                1: .cycle, 2: .cycle, 3: .cycle, 4: .sponsorRejected, 5: .sponsorRejected,
            ])
        // The walk begins below the cycle, and comes to it later.
        #expect(reasons([(9, 8), (8, 7), (7, 6), (6, 7)]) == [9: .sponsorRejected, 8: .sponsorRejected, 7: .cycle, 6: .cycle])
        #expect(
            reasons([(1, 2), (2, 1), (3, 4), (4, 3), (5, 3)]) == [
                1: .cycle, 2: .cycle, 3: .cycle, 4: .cycle, 5: .sponsorRejected,
            ])
    }

    @Test("an orphan is told from those below it, from those below a refused row, and from those too deep")
    func causes() {
        #expect(
            reasons([(1, 99), (2, 1), (3, 2), (4, 50), (5, 4), (6, 70), (7, 6)], refused: [50], deepest: [70]) == [
                1: .orphan, 2: .sponsorRejected, 3: .sponsorRejected, 4: .sponsorRejected, 5: .sponsorRejected, 6: .tooDeep,
                7: .tooDeep,
            ])
        #expect(reasons([(3, 2), (2, 1), (1, 99)]) == [1: .orphan, 2: .sponsorRejected, 3: .sponsorRejected])
    }

    @Test("a chain and a cycle of 100,000 are walked without recursion and without walking twice")
    func long() {
        let chain = reasons((1...100_000).map { (id: Int64) -> (Int64, Int64) in (id, id + 1) })
        #expect(chain[100_000] == .orphan)
        #expect(chain.values.count { $0 == .sponsorRejected } == 99_999)
        let cycle = reasons((1...100_000).map { (id: Int64) -> (Int64, Int64) in (id, id % 100_000 + 1) })
        #expect(cycle.values.allSatisfy { $0 == RejectReason.cycle })
    }

    @Test("roots go heaviest first onto the lightest shard, beside what the shards hold already")
    func placement() {
        #expect(RootPlacement.shards(weights: [], loads: [0]) == [])
        #expect(RootPlacement.shards(weights: [1, 5, 3, 3], loads: [0, 0]) == [0, 0, 1, 1])
        var random = RandomStream(seed: 3)
        let weights = (0..<2_000).map { _ in 1 + random.skewedBelow(500) }
        let loads = (0..<16).map { _ in random.below(400) }
        let shards = RootPlacement.shards(weights: weights, loads: loads)
        // The plain form of the same rule.
        var plain = loads
        for root in weights.indices.sorted(by: { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }) {
            let lightest = plain.indices.min { plain[$0] != plain[$1] ? plain[$0] < plain[$1] : $0 < $1 } ?? 0
            #expect(shards[root] == lightest)
            plain[lightest] += weights[root]
        }
    }
}
