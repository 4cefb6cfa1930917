import Foundation
import LoadPlan
import LoadRecord
import Testing

@Test("a record that was written and read again writes the same bytes")
func recordsComeBack() throws {
    var record = try SampleRun(seconds: 6, rate: 1000, stallAt: 3).record()
    record.aborted = "p99 was over its bound"
    record.invalid = ["slip p99 was 4 ms"]
    let first = try RunFile.encode(record)
    let again = try RunFile.decode(first)
    #expect(try RunFile.encode(again) == first)
    #expect(again.total.response.max == record.total.response.max)
    #expect(again.total.response.percentile(100) == record.total.response.percentile(100))
    #expect(again.total.response.mean == record.total.response.mean)
    #expect(again.scenario == record.scenario)
    #expect(again.operations[0].statuses == record.operations[0].statuses)
}

@Test("the summary stands beside the record, with the verdict and figures in microseconds")
func summaryIsThere() throws {
    let record = try SampleRun(seconds: 6, rate: 1000, stallAt: 3).record()
    let object = try #require(try JSONSerialization.jsonObject(with: Data(RunFile.encode(record))) as? [String: Any])
    #expect(object["schema"] as? String == "fature.loadtest.run")
    #expect(object["version"] as? Int == 2)
    let summary = try #require(object["summary"] as? [String: Any])
    #expect(summary["verdict"] as? String == "missed")
    #expect(summary["exitStatus"] as? Int == 1)
    #expect((summary["response"] as? [String: Any])?["p99"] as? Int == Int(record.total.response.percentile(99)))
}

@Test(
    "a file that is not a record of this version is refused in words",
    arguments: [
        ("nothing", "not a JSON object"), ("[1]", "not a JSON object"), ("{}", "schema is not given"),
        (#"{"schema":"k6.summary","version":1}"#, "schema is 'k6.summary'"),
        (#"{"schema":"fature.loadtest.run","version":1}"#, "version is 1, and this program reads version 2"),
        (#"{"schema":"fature.loadtest.run"}"#, "version is not given"),
        (#"{"schema":"fature.loadtest.run","version":2}"#, "scenario is missing"),
    ])
func otherFilesAreRefused(text: String, words: String) throws {
    let failure = try #require(throws: RunFile.Failure.self) { try RunFile.decode(Array(text.utf8)) }
    #expect(failure.description.contains(words), "\(failure)")
}

@Test("a histogram with half a pair is damaged, not a trap")
func damagedHistogram() throws {
    let record = try SampleRun(seconds: 1, rate: 100, stallAt: nil).record()
    let text = String(decoding: try RunFile.encode(record), as: UTF8.self)
    let damaged = text.replacingOccurrences(of: "\"buckets\":[", with: "\"buckets\":[5,")
    let failure = try #require(throws: RunFile.Failure.self) { try RunFile.decode(Array(damaged.utf8)) }
    #expect(failure.code == .incomplete)
    #expect(failure.description.contains("pairs"))
}

@Test(
    "a record that no run can have written is damaged, not a trap",
    arguments: [
        ("\"windowSeconds\":1,", "\"windowSeconds\":0,"), ("\"sliceSeconds\":1,", "\"sliceSeconds\":-1,"),
        ("\"buckets\":[", "\"buckets\":[5,18446744073709551615,"), ("\"counts\":[", "\"counts\":[1,"),
        ("\"counts\":[", "\"counts\":[-9223372036854775808,"), ("\"planned\":", "\"planned\":-9"),
        ("\"overflow\":0", "\"overflow\":9223372036854775807"),
        ("\"bytes\":", "\"bytes\":-9"),
    ])
func impossibleRecords(old: String, new: String) throws {
    let record = try SampleRun(seconds: 3, rate: 100, stallAt: nil).record()
    let text = String(decoding: try RunFile.encode(record), as: UTF8.self)
    #expect(text.contains(old))
    let failure = try #require(throws: RunFile.Failure.self) {
        try RunFile.decode(Array(text.replacingOccurrences(of: old, with: new).utf8))
    }
    #expect(failure.code == .incomplete, "\(failure)")
}
