import Testing

@testable import Store

@Suite("Moments in COPY") struct CopyMomentTests {
    @Test("a moment that no number of PostgreSQL's can be ends nobody", arguments: [Int64.min, .min + 1, 0, .max])
    func ends(_ moment: Int64) {
        var rows = BinaryCopyBuffer()
        rows.startRow(fields: 1)
        rows.field(timestampMicroseconds: moment)
    }
}
