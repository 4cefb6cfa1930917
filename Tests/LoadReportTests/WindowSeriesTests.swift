import LoadPlan
import LoadRecord
import Testing

/// A second of which everything follows from its number.
private func second(_ number: Int) -> WindowRecord {
    var window = WindowRecord()
    window.planned = number
    window.answered = number % 7
    window.overflow = number % 3
    window.outcomes[.ok] = number % 11
    window.inFlightMax = number % 13
    window.slipMaxMicroseconds = UInt64(number % 17)
    window.response.record(microseconds: UInt64(number % 200))
    return window
}

private func sum(_ windows: [WindowRecord]) -> [Int] {
    [
        windows.reduce(0) { $0 + $1.planned }, windows.reduce(0) { $0 + $1.answered }, windows.reduce(0) { $0 + $1.overflow },
        windows.reduce(0) { $0 + $1.outcomes[.ok] }, windows.reduce(0) { $0 + Int($1.response.count) },
        windows.map(\.inFlightMax).max() ?? 0, Int(windows.map(\.slipMaxMicroseconds).max() ?? 0),
    ]
}

@Test("a window a second, until there are too many: then they are twice as long, and nothing is lost")
func windowsGrowCoarser() {
    var series = WindowSeries()
    var seconds: [WindowRecord] = []
    for number in 0..<(5 * WindowSeries.windowsMax + 3) {
        seconds.append(second(number))
        series.append(seconds[number])
        if number == WindowSeries.windowsMax - 1 { #expect(series.secondsEach == 1) }
    }
    #expect(series.secondsEach == 8 && series.seconds == seconds.count)
    #expect(series.windows.count == (seconds.count + 7) / 8)
    for (index, window) in series.windows.enumerated() {
        let own = Array(seconds[(8 * index)..<min(8 * index + 8, seconds.count)])
        #expect(sum([window]) == sum(own), "window \(index)")
        var times: [UInt64] = []
        window.response.forEachBucket { times += Array(repeating: $0, count: Int($1)) }
        #expect(times == own.map { $0.response.max }.sorted())
    }
}

@Test("agents whose windows are of different length are added up by the longer one")
func agentsOfDifferentLength() throws {
    var records: [RunRecord] = []
    for count in [3 * WindowSeries.windowsMax, 100] {
        var series = WindowSeries()
        for number in 0..<count { series.append(second(number)) }
        var record = try SampleRun(seconds: 1).record()
        record.windows = series.windows
        record.windowSeconds = series.secondsEach
        records.append(record)
    }
    #expect(records.map(\.windowSeconds) == [4, 1])
    for order in [[0, 1], [1, 0]] {
        var merged = records[order[0]]
        merged.merge(records[order[1]])
        #expect(merged.windowSeconds == 4 && merged.windows.count == records[0].windows.count)
        #expect(merged.windows[24].planned == 2 * (96 + 97 + 98 + 99) && merged.windows[25].planned == 100 + 101 + 102 + 103)
    }
}
