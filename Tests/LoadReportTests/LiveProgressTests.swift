import LoadPlan
import LoadRecord
import LoadReport
import Testing

@Test("without a terminal there is one line every five seconds, and each event once")
func linesEveryFiveSeconds() throws {
    let record = try SampleRun(seconds: 60, rate: 2000).record()
    var progress = LiveProgress(.lines)
    var lines: [String] = []
    for half in 0...60 {
        var seen = record
        seen.windows = Array(record.windows.prefix(half / 2 + 1))
        seen.events = record.events.filter { $0.atSeconds * 2 <= Double(half) }
        lines += progress.update(seen, elapsedSeconds: Double(half) / 2).split(separator: "\n").map(String.init)
    }
    #expect(lines.count { $0.hasPrefix("queries-50k") } == 7)
    #expect(lines.count { $0.hasPrefix("at 18 s: rebalance") } == 1)
    #expect(!lines.joined().contains("\u{1B}"))
    let last = try #require(lines.last { $0.hasPrefix("queries-50k 30 s of 60 s, planned 2,000/s, answered 2,000/s, p50 ") })
    #expect(last.contains("in flight"))
}

@Test("a terminal's panel is drawn over itself and no line is wider than the terminal")
func panelIsRedrawn() throws {
    let record = try SampleRun(seconds: 60, rate: 2000).record()
    for columns in [20, 60, 200] {
        var progress = LiveProgress(.terminal(columns: columns, isColored: false))
        let first = progress.update(record, elapsedSeconds: -3)
        #expect(first.contains(columns == 20 ? "queries-50k" : "warm-up, 3 s left"))
        let second = progress.update(record, elapsedSeconds: 40)
        #expect(second.hasPrefix("\u{1B}[4A"))
        let lines = second.dropFirst(4).replacing("\u{1B}[2K", with: "").replacing("\r", with: "").split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.allSatisfy { $0.count < columns })
    }
}
