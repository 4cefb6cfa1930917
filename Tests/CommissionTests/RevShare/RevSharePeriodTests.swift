import Commission
import Core
import Testing

@Suite("Periods of RevShare")
struct RevSharePeriodTests {
    private static func moment(_ text: String) throws -> Int64 { try #require(Timestamp.parse(text.utf8)) }

    /// Versions 1, 2, … from their dates on, each with RevShare of a cadence or without.
    private func book(_ versions: [(from: String, cadence: SettlementPeriod?)]) throws -> PlanBook {
        try PlanBook(
            versions.enumerated().map { index, version in
                try CommissionPlan(
                    name: "p", version: index + 1, effectiveFrom: Self.moment(version.from),
                    revShare: version.cadence.map { RevShareRule(rates: [.max], period: $0) })
            })
    }

    private func periods(_ book: PlanBook, _ name: String) throws -> [String] {
        try book.revSharePeriods(in: #require(RevSharePeriodName(name))).map { period in
            func text(_ moment: Int64) -> String {
                let bytes = ByteBuilder()
                bytes.appendRFC3339(unixMicroseconds: moment)
                return String(decoding: bytes.bytes, as: UTF8.self)
            }
            return "\(text(period.start)) \(text(period.end)) \(period.planVersion)"
        }
    }

    @Test("a month is written 2026-10, a week by its Monday, and nothing else is a period")
    func names() throws {
        for text in ["2026-10", "2026-02", "2026-10-12", "1969-12-29"] { #expect(RevSharePeriodName(text)?.description == text) }
        #expect(RevSharePeriodName("2026-10")?.cadence == .monthly)
        #expect(RevSharePeriodName("2026-10-12")?.cadence == .weekly)
        for text in ["", "2026", "2026-13", "2026-1", "2026-10-13", "2026-10-1", "2026-W42", "10-2026", "2026-10-12T00:00:00Z"] {
            #expect(RevSharePeriodName(text) == nil, "\(text)")
        }
    }

    @Test("a period is settled by the version that holds at its end, and reaches over versions of one cadence")
    func versions() throws {
        let book = try book([("2026-01-01", nil), ("2026-02-10", .monthly), ("2026-03-20", .monthly)])
        #expect(try periods(book, "2026-01").isEmpty)
        #expect(try periods(book, "2026-02") == ["2026-02-10T00:00:00Z 2026-03-01T00:00:00Z 2"])
        #expect(try periods(book, "2026-03") == ["2026-03-01T00:00:00Z 2026-04-01T00:00:00Z 3"])
        #expect(try periods(book, "2026-03-02").isEmpty)
        #expect(book.revSharePeriod(at: try Self.moment("2026-02-09")) == nil)
    }

    @Test("a change of cadence ends a period, and a gap without RevShare parts a month in two")
    func changes() throws {
        let book = try book([
            ("2026-01-01", .monthly), ("2026-01-10T06:00:00Z", nil), ("2026-01-20", .monthly), ("2026-01-28", .weekly),
        ])
        #expect(
            try periods(book, "2026-01") == [
                "2026-01-01T00:00:00Z 2026-01-10T06:00:00Z 1", "2026-01-20T00:00:00Z 2026-01-28T00:00:00Z 3",
            ])
        #expect(try periods(book, "2026-01-26") == ["2026-01-28T00:00:00Z 2026-02-02T00:00:00Z 4"])
        #expect(try periods(book, "2026-02").isEmpty)
    }

    @Test("walking back meets every period once, without gaps but where there is no RevShare")
    func before() throws {
        let book = try book([
            ("2025-11-05", .monthly), ("2026-01-10T06:00:00Z", nil), ("2026-01-20", .monthly), ("2026-01-28", .weekly),
        ])
        var period = book.revSharePeriod(at: try Self.moment("2026-02-12"))
        var starts: [Int64] = []
        while let current = period {
            #expect(book.revSharePeriod(at: current.start) == current)
            #expect(book.revSharePeriod(at: current.end - 1) == current)
            starts.append(current.start)
            period = book.revSharePeriod(before: current)
            #expect(period.map { $0.end <= current.start } ?? true)
        }
        #expect(
            try starts
                == [
                    "2026-02-09", "2026-02-02", "2026-01-28", "2026-01-20", "2026-01-01", "2025-12-01", "2025-11-05",
                ].map(Self.moment))
    }
}
