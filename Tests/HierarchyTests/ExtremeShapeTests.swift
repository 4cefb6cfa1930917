import Core
import Testing

@testable import Hierarchy

@Suite("Extreme shapes", .serialized)
struct ExtremeShapeTests {
    /// A partition from the ids of sponsors (0 for a root); affiliate `i` of the list has id `i + 1`. All have one profile.
    private func partition(sponsors: some Sequence<Int64>, _ status: (Int64) -> AffiliateStatus = { _ in .active }) throws
        -> Partition
    {
        let builder = PartitionBuilder(shard: ShardID(0))
        let name = Array("Ana".utf8)
        try name.withUnsafeBytes { bytes in
            let view = ProfileView(
                registrationMicroseconds: 5, externalID: bytes, referralCode: nil, name: bytes, email: nil, phone: nil,
                document: nil, category: bytes)
            var id: Int64 = 0
            for sponsor in sponsors {
                id += 1
                try builder.append(id: id, parent: sponsor, status: status(id), profile: view)
            }
        }
        return try builder.finish()
    }

    @Test("a chain 100,000 deep that grows at its end and in its middle")
    func chain() throws {
        let depth: Int64 = 100_000
        let chain = try partition(sponsors: 0..<depth)
        for i in 0..<100 { try chain.join(row(depth + Int64(i) + 1, under: depth + Int64(i))) }
        try chain.join(row(1_000_000, under: depth / 2))
        for chain in [chain, try chain.snapshot().rebuilt()] {
            let root = try #require(chain.find(AffiliateID(1)))
            let end = try #require(chain.find(AffiliateID(depth + 100)))
            #expect(chain.networkSize(of: root) == Int(depth) + 100)
            #expect(chain.level(of: end) == Int(depth) + 100)
            #expect(chain.levelTotals.count == Int(depth) + 100)
            #expect(chain.levelTotals[Int(depth) / 2] == 2)
            #expect(chain.isDescendant(end, of: root) && !chain.isDescendant(root, of: end))
            var distances = 0
            chain.upline(of: end) { _, distance in distances = distance }
            #expect(distances == Int(depth) + 99)
            let expected = (2...(depth / 2 + 1)) + [1_000_000] + ((depth / 2 + 2)...(depth + 100))
            #expect(try chain.paged(1, limit: 10_000) == Array(expected))
        }
    }

    @Test("a chain 1,000,000 deep")
    func longerChain() throws {
        let chain = try partition(sponsors: 0..<1_000_000).snapshot().rebuilt()
        let root = try #require(chain.find(AffiliateID(1)))
        var levels = 0
        chain.levelCounts(below: root, depth: .max) { _, count in levels += count }
        #expect(levels == 999_999 && chain.networkSize(of: root) == 999_999)
    }

    @Test("a star of 1,000,000, counted and paged through to its end while it grows")
    func star() throws {
        let star = try partition(sponsors: [0] + repeatElement(1, count: 1_000_000))
        let root = try #require(star.find(AffiliateID(1)))
        #expect(star.counts(1) == [1_000_000])
        #expect(star.directReferrals(of: root) == 1_000_000)
        var next: Int64 = 2
        var inOrder = true
        var cursor: PageCursor?
        var pages = 0
        repeat {
            cursor = try star.members(below: root, depth: 5, after: cursor, limit: 10_000) {
                inOrder = inOrder && $0.id.rawValue == next && $0.levelDistance == 1
                next += 1
            }
            pages += 1
            try star.join(row(1_000_001 + Int64(pages), under: 1))
        } while cursor != nil
        #expect(inOrder && pages == 101)
        #expect(next == 1_000_001 + 101, "those who joined before the last page are on it")
    }

    @Test("one root with 40% of everyone, beside thousands of small trees")
    func heavyRoot() throws {
        // Ids 1...10,000 are roots; of the rest every 5th and 5th+1 is below root 1.
        var below: [Int64] = [1]
        let sponsors = (1...100_000).map { (id: Int64) -> Int64 in
            if id <= 10_000 { return 0 }
            guard id % 5 < 2 else { return id % 9_999 + 2 }
            below.append(id)
            return below[(below.count - 1) / 8]
        }
        let partition = try partition(sponsors: sponsors)
        let root = try #require(partition.find(AffiliateID(1)))
        #expect(partition.networkSize(of: root) == below.count - 1)
        #expect(partition.counts(1).reduce(0, +) == below.count - 1)
        #expect(Set(try partition.paged(1, limit: 777)) == Set(below.dropFirst()))
        #expect(partition.top(by: .networkSize, limit: 1) == [RankingEntry(id: AffiliateID(1), value: below.count - 1)])
        #expect(partition.checkInvariants() == [])
    }

    @Test("a status nobody has ends a page after a bounded scan, and the cursors still reach the end")
    func boundedScan() throws {
        let star = try partition(sponsors: [0] + repeatElement(1, count: 200_000)) { $0 == 150_000 ? .banned : .active }
        let root = try #require(star.find(AffiliateID(1)))
        let cursor = try star.members(below: root, depth: 1, limit: 10, status: .banned) { _ in
            Issue.record("the banned one stands behind the first scan")
        }
        #expect(cursor?.id.rawValue == Int64(Partition.scanMax) + 1)
        #expect(try star.paged(1, limit: 10, status: .banned) == [150_000])
        #expect(try star.paged(1, limit: 10, status: .suspended) == [])
    }
}
