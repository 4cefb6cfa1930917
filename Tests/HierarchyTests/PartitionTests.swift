import Core
import Testing

@testable import Hierarchy

@Suite("A partition answers")
struct PartitionTests {
    private let small = [
        row(10), row(30, .banned), row(11, under: 10), row(5, under: 10, .inactive), row(7, under: 11), row(20, under: 5),
        row(31, under: 30),
    ]

    @Test("level by level, with children before their sponsors in the input")
    func levels() throws {
        for rows in [small, small.reversed()] {
            let partition = try partition(rows)
            #expect(partition.counts(10) == [2, 2])
            #expect(partition.counts(10, depth: 1) == [2])
            #expect(partition.counts(10, depth: 0) == [])
            #expect(partition.counts(31) == [])
            #expect(try partition.paged(10, limit: 1) == [5, 11, 20, 7])
            #expect(partition.levelTotals == [2, 3, 2])
            #expect(partition.statusTotals[.inactive] == 1)
        }
    }

    @Test("the same before and after a rebuild folds the joins in")
    func joinsAreSeenAtOnce() throws {
        let live = try partition(small)
        try live.join(row(6, under: 10))
        try live.join(row(1, under: 6))
        try live.join(row(2, under: 5))
        try live.join(row(40))
        let folded = try live.snapshot().rebuilt()
        for partition in [live, folded] {
            #expect(try partition.paged(10, limit: 2) == [5, 6, 11, 2, 20, 1, 7])
            #expect(partition.counts(10) == [3, 4])
            #expect(partition.rootCount == 3)
            let root = try #require(partition.find(AffiliateID(10)))
            #expect(partition.networkSize(of: root) == 7)
            #expect(partition.directReferrals(of: root) == 3)
            #expect(partition.top(by: .directReferrals, limit: 2).map(\.id.rawValue) == [10, 5])
        }
        #expect(live.overlayCount == 4 && folded.overlayCount == 0)
    }

    @Test("every field of a profile, nil and empty apart, from arrays and overlay")
    func profiles() throws {
        let rows = (1...60).map { row(Int64($0), under: $0 == 1 ? nil : Int64($0 / 2)) }
        let partition = try partition(Array(rows.prefix(40)))
        for row in rows.suffix(20) { try partition.join(row) }
        let folded = try partition.snapshot().rebuilt()
        let thinned = try folded.snapshot().rebuilt(PartitionEdit(removed: [AffiliateID(3)]))
        for partition in [partition, folded, thinned] {
            for row in rows {
                guard let node = partition.find(row.id) else { continue }
                #expect(partition.row(of: node) == row)
            }
        }
        #expect(thinned.find(AffiliateID(6)) == nil && thinned.find(AffiliateID(4)) != nil)
        #expect(thinned.memoryBytes.profiles < folded.memoryBytes.profiles)
    }

    @Test("a network moves with its sponsor, also to be a tree of its own")
    func moves() throws {
        let before = try partition(small)
        let after = try before.snapshot().rebuilt(
            PartitionEdit(
                moved: [
                    .init(id: AffiliateID(11), parent: AffiliateID(31)), .init(id: AffiliateID(5), parent: nil),
                ]))
        #expect(try after.paged(30, limit: 10) == [31, 11, 7])
        #expect(after.counts(5) == [1])
        #expect(after.counts(10) == [])
        #expect(after.rootCount == 3)
        let moved = try #require(after.find(AffiliateID(7)))
        #expect(after.level(of: moved) == 4)
    }

    @Test("an empty forest")
    func empty() throws {
        let partition = try partition([])
        #expect(partition.affiliateCount == 0 && partition.find(AffiliateID(1)) == nil && partition.levelTotals == [])
        #expect(partition.top(by: .networkSize, limit: 5) == [])
        try partition.join(row(.max))
        try partition.join(row(.max - 1, under: .max))
        #expect(partition.counts(.max) == [1])
        #expect(try partition.snapshot().rebuilt().counts(.max) == [1])
    }
}
