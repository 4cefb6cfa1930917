import Testing

@testable import Hierarchy

@Test(
    "an id is found after few probes, however ids are spaced",
    arguments: [(1, 1), (1, 2), (1_000, 4_096), (1, 1 << 40), (Int64.max - 200_000, 7), (3, 1_000_000_007)] as [(Int64, Int64)])
func probesAreFew(_ first: Int64, _ step: Int64) {
    let ids = (0..<20_000).map { first &+ Int64($0) &* step }
    let index = IdentifierIndex(entriesMax: ids.count)
    defer { index.slots.deallocate() }
    for (i, id) in ids.enumerated() { #expect(index.insert(UInt32(i), id: id) { ids[Int($0)] } == nil) }
    var probes = 0
    for (i, id) in ids.enumerated() {
        var slot = index.firstSlot(id)
        while index.slots[slot] != UInt32(i) {
            slot = index.slot(after: slot)
            probes += 1
        }
    }
    #expect(probes < 4 * ids.count, "\(probes) probes past the first slot")
}
