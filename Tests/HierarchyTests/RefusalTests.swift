import Core
import Testing

@testable import Hierarchy

@Suite("A partition refuses")
struct RefusalTests {
    private func refusal(of rows: [AffiliateRow]) -> PartitionError? {
        do {
            _ = try partition(rows)
            return nil
        } catch { return error as? PartitionError }
    }

    @Test("rows that make no forest, naming the affiliate")
    func rows() {
        let orphan = refusal(of: [row(1), row(2, under: 9)])
        #expect(orphan?.code == .orphan && orphan?.affiliate.rawValue == 2 && orphan?.other?.rawValue == 9)
        let cycle = refusal(of: [row(1), row(2, under: 4), row(3, under: 2), row(4, under: 3), row(5, under: 4)])
        #expect(cycle?.code == .cycle && [2, 3, 4].contains(cycle?.affiliate.rawValue))
        #expect(refusal(of: [row(1), row(7, under: 7)])?.code == .cycle)
        let duplicate = refusal(of: [row(1), row(2, under: 1), row(2)])
        #expect(duplicate?.code == .duplicateIdentifier && duplicate?.affiliate.rawValue == 2)
        #expect(refusal(of: [row(0)])?.code == .invalidIdentifier)
        #expect(refusal(of: [row(-5)])?.code == .invalidIdentifier)
        #expect(refusal(of: [row(1, under: -1)])?.code == .orphan)
    }

    @Test("a profile field that is too long, and stays as it was")
    func longField() throws {
        let partition = try partition([row(1)])
        var long = row(2, under: 1)
        long.profile.name = String(repeating: "é", count: ProfileArena.fieldBytesMax / 2)
        try partition.join(long)
        long.id = AffiliateID(3)
        long.profile.name += "x"
        #expect(throws: PartitionError.self) { try partition.join(long) }
        #expect(partition.affiliateCount == 2 && partition.find(long.id) == nil)
        let node = try #require(partition.find(AffiliateID(2)))
        #expect(partition.row(of: node).profile.name.utf8.count == ProfileArena.fieldBytesMax)
    }

    @Test("a move below what leaves with the same edit, and a removal keeps what is moved out of it")
    func edits() throws {
        let before = try partition([row(1), row(2, under: 1), row(3, under: 2), row(4)])
        let orphan = #expect(throws: PartitionError.self) {
            _ = try before.snapshot().rebuilt(
                PartitionEdit(removed: [AffiliateID(1)], moved: [.init(id: AffiliateID(4), parent: AffiliateID(2))]))
        }
        #expect(orphan?.code == .orphan)
        let after = try before.snapshot().rebuilt(
            PartitionEdit(removed: [AffiliateID(1)], moved: [.init(id: AffiliateID(2), parent: AffiliateID(4))]))
        #expect(try after.paged(4, limit: 9) == [2, 3] && after.affiliateCount == 3)
    }

    @Test("a cursor whose sponsor left, while one whose last member left goes on")
    func cursors() throws {
        let rows = [row(1), row(2, under: 1), row(3, under: 1), row(4, under: 2), row(5, under: 2), row(6, under: 3)]
        let before = try partition(rows)
        let root = try #require(before.find(AffiliateID(1)))
        let cursor = try before.members(below: root, depth: 5, limit: 3) { _ in }
        #expect(cursor == PageCursor(levelDistance: 2, parent: AffiliateID(2), id: AffiliateID(4)))

        func rest(_ edit: PartitionEdit) throws -> [Int64] {
            let after = try before.snapshot().rebuilt(edit)
            var ids: [Int64] = []
            guard let root = after.find(AffiliateID(1)) else { return [] }
            _ = try after.members(below: root, depth: 5, after: cursor, limit: 9) { ids.append($0.id.rawValue) }
            return ids
        }
        #expect(try rest(PartitionEdit(removed: [AffiliateID(4)])) == [5, 6])
        for edit in [
            PartitionEdit(removed: [AffiliateID(2)]),
            PartitionEdit(moved: [.init(id: AffiliateID(2), parent: AffiliateID(3))]),
            PartitionEdit(moved: [.init(id: AffiliateID(2), parent: nil)]),
        ] {
            let error = #expect(throws: PartitionError.self) { try rest(edit) }
            #expect(error?.code == .cursorExpired)
        }
        let nonsense = PageCursor(levelDistance: .max, parent: AffiliateID(2), id: AffiliateID(4))
        #expect(throws: PartitionError.self) { try before.members(below: root, depth: 5, after: nonsense, limit: 1) { _ in } }
        #expect(try before.members(below: root, depth: 5, after: cursor, limit: 0) { _ in } == cursor)
    }

    @Test("joins wait for a rebuild once enough of them came")
    func rebuildIsDue() throws {
        let partition = try partition([row(1)])
        for id in 2...65 { try partition.join(row(Int64(id), under: 1)) }
        #expect(!partition.needsRebuild)
        try partition.join(row(66, under: 1))
        #expect(partition.needsRebuild)
        #expect(try !partition.snapshot().rebuilt().needsRebuild)
    }
}
