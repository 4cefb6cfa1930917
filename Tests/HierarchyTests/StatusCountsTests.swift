import Core
import Testing

@testable import Hierarchy

@Test("statuses are counted eight at a time and one at a time alike", arguments: [0, 1, 7, 8, 9, 2_039, 2_040, 2_048, 9_999])
func countsByWord(_ count: Int) {
    var random = SeededGenerator(seed: UInt64(count))
    let mixed = (0..<count).map { _ in UInt8.random(in: 0...3, using: &random) }
    for values in [mixed, [UInt8](repeating: AffiliateStatus.banned.rawValue, count: count)] {
        let column = values.asColumn
        defer { column.deallocate() }
        let low = min(3, count)
        let counted = StatusCounts(counting: column, low, count)
        for status in AffiliateStatus.allCases {
            #expect(counted[status] == values[low...].count { $0 == status.rawValue }, "\(status)")
        }
    }
}
