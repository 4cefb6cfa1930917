import Foundation
import LoadPlan
import LoadRecord
import Testing

/// A record small enough that its log can be read by eye. `Golden/sample.hlog` was read back with HdrHistogram's Python port, which counted and ranked as the
/// record does.
private func smallRecord() throws -> RunRecord {
    var record = try SampleRun(seconds: 3, rate: 400, stallAt: 1).record()
    record.operations.removeLast(2)
    record.operations[1].name = "up,line\n2"
    record.operations[1].slices = []
    record.windows[2].response = TimeHistogram(.coarse)
    record.windows[0].response.record(microseconds: 0)
    record.windows[0].response.record(microseconds: 3_600_000_000)
    record.windows[0].response.record(microseconds: 128, count: 5_000_000_000)
    return record
}

@Test("the log is what the golden file holds, which an independent reader has read")
func goldenLog() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/sample.hlog")
    let golden = try String(contentsOf: path, encoding: .utf8)
    let text = HistogramLog.text(try smallRecord())
    if let folder = ProcessInfo.processInfo.environment["FATURE_REPORTS"] {
        try text.write(toFile: "\(folder)/sample.hlog", atomically: true, encoding: .utf8)
    }
    #expect(text == golden)
}

@Test("a log has a line for each window, and each operation's name as a tag that cannot break the line")
func linesOfALog() throws {
    let text = HistogramLog.text(try smallRecord())
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.hasPrefix("\"") }
    #expect(lines.count { !$0.hasPrefix("Tag=") } == 3)
    #expect(lines.count { $0.hasPrefix("Tag=network,") } == 3)
    #expect(lines.count { $0.hasPrefix("Tag=up_line_2,") } == 1)
    let starts = lines.map { $0.split(separator: ",").first { Double($0) != nil }.flatMap { Double($0) } ?? -1 }
    #expect(starts == starts.sorted())
}
