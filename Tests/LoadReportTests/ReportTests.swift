import Foundation
import LoadPlan
import LoadRecord
import LoadReport
import Testing

private let pageBytesMax = 500_000

enum Form: CaseIterable {
    case page, markdown, junit, terminal

    func write(_ record: RunRecord) -> String {
        switch self {
        case .page: HTMLReport.text(record)
        case .markdown: MarkdownReport.text(record)
        case .junit: JUnitReport.text(record)
        case .terminal: TerminalReport.text(record)
        }
    }
}

@Test("the page stands alone: no script, no request, under 500 KB", arguments: [1, 60, 3000])
func pageStandsAlone(seconds: Int) throws {
    let page = HTMLReport.text(try SampleRun(seconds: seconds, rate: 5000).record())
    #expect(page.utf8.count < pageBytesMax, "\(page.utf8.count) bytes")
    #expect(!page.contains("<script") && !page.contains("http-equiv=\"refresh\""))
    for wanted in ["url(", "@import", "src=", "href=", "<link"] { #expect(!page.contains(wanted), "\(wanted)") }
    #expect(page.contains("default-src 'none'"))
    // For looking at it in a browser.
    if let folder = ProcessInfo.processInfo.environment["FATURE_REPORTS"] {
        try page.write(toFile: "\(folder)/run-\(seconds).html", atomically: true, encoding: .utf8)
    }
}

@Test("a figure has a title and a description that its drawing names, and every id is there once")
func figuresAreNamed() throws {
    let page = HTMLReport.text(try SampleRun().record())
    let ids = page.matches(of: #/ id="([^"]+)"/#).map { String($0.output.1) }
    #expect(Set(ids).count == ids.count)
    let named = page.matches(of: /role="img" aria-labelledby="([^"]+)"/).flatMap {
        $0.output.1.split(separator: " ").map(String.init)
    }
    #expect(named.count == 10)
    #expect(Set(named).isSubset(of: ids))
}

@Test("the top of every report says what the run came to", arguments: [Form.page, .markdown, .terminal])
func headlines(form: Form) throws {
    var record = try SampleRun(seconds: 12, rate: 2000, stallAt: 5).record()
    #expect(form.write(record).contains("4 of 7 objectives missed"))
    record.invalid = ["slip p99 was 4.2 ms"]
    #expect(form.write(record).contains("Invalid run"))
    #expect(form.write(record).contains("slip p99 was 4.2 ms"))
    record.scenario.phases = [Phase(name: "all", seconds: 12, shape: .closed(inFlight: 64))]
    #expect(form.write(record).contains("Closed loop"))
    record.invalid = []
    record.scenario.objectives = [try Objective("p99<10s")]
    #expect(form.write(record).contains("The objective held"))
}

@Test("Markdown lists the ten slowest of hundreds of shards, slowest first, and all of a few")
func slowestShards() throws {
    var record = try SampleRun(seconds: 6, rate: 1000).record()
    record.shards = (0..<20).map { number in
        var shard = ShardRecord(shard: number)
        shard.response.record(microseconds: UInt64(10_000 * (1 + number)))
        return shard
    }
    let text = MarkdownReport.text(record)
    #expect(text.contains("## The 10 slowest of 20 shards"))
    let listed = text.matches(of: /\n\| (\d+) \| 0 \| 0 \|/).map { String($0.output.1) }
    #expect(listed == (10..<20).reversed().map(String.init))
    record.shards.removeFirst(17)
    #expect(MarkdownReport.text(record).contains("## Shards\n"))
}

@Test("an empty record is told, not a crash", arguments: Form.allCases)
func emptyRecords(form: Form) throws {
    let scenario = Scenario(name: "nothing", phases: [], operations: [])
    let environment = RunEnvironment(target: "", processor: "", cores: 0, kernel: "", commit: "", versionText: "")
    #expect(form.write(RunRecord(scenario: scenario, environment: environment, startedAtMicroseconds: 0)).contains("nothing"))
}

@Test("JUnit has a test case for each objective and one for validity")
func junitCases() throws {
    var record = try SampleRun(seconds: 6, rate: 1000, stallAt: 3).record()
    record.ledger = nil
    record.invalid = ["the clock jumped"]
    let text = JUnitReport.text(record)
    #expect(text.matches(of: /<testcase\s/).count == 8)
    #expect(text.contains("tests=\"8\" failures=\"\(RunJudgement(record).missed + 1)\""))
    #expect(text.contains("<failure type=\"unchecked\""))
    #expect(text.contains("<failure type=\"invalid\" message=\"the clock jumped\"/>"))
    #expect(text.contains("name=\"p99&lt;10ms\""))
    if let folder = ProcessInfo.processInfo.environment["FATURE_REPORTS"] {
        try text.write(toFile: "\(folder)/run.xml", atomically: true, encoding: .utf8)
        let record = try SampleRun().record()
        try MarkdownReport.text(record).write(toFile: "\(folder)/run.md", atomically: true, encoding: .utf8)
        try TerminalReport.text(record).write(toFile: "\(folder)/run.txt", atomically: true, encoding: .utf8)
        try HistogramLog.text(record).write(toFile: "\(folder)/run.hlog", atomically: true, encoding: .utf8)
        try Data(RunFile.encode(record)).write(to: URL(fileURLWithPath: "\(folder)/run.json"))
        try HTMLReport.text(record).write(toFile: "\(folder)/bad.html", atomically: true, encoding: .utf8)
        let slower = try SampleRun(seed: 7, slowness: 1.1).record()
        try ComparisonReport.text(RunComparison(record, slower)).write(
            toFile: "\(folder)/compare.txt", atomically: true, encoding: .utf8)
        var good = try SampleRun(seconds: 600, rate: 20_000, stallAt: nil, hasErrors: false).record()
        good.scenario.objectives = try ["p99<10ms", "errors==0", "lost==0"].map { try Objective($0) }
        good.scenario.phases = [
            Phase(name: "ramp", seconds: 120, shape: .ramp(from: 100, to: 20_000)),
            Phase(name: "steady", seconds: 400, shape: .constant(rate: 20_000)),
            Phase(name: "spike", seconds: 80, shape: .spike(base: 20_000, peak: 50_000, atSeconds: 20, forSeconds: 10)),
        ]
        try HTMLReport.text(good).write(toFile: "\(folder)/good.html", atomically: true, encoding: .utf8)
        good.invalid = ["slip p99 was 4.2 ms, over its limit of 1 ms"]
        good.scenario.phases = [Phase(name: "all", seconds: 600, shape: .closed(inFlight: 64))]
        try HTMLReport.text(good).write(toFile: "\(folder)/invalid.html", atomically: true, encoding: .utf8)
    }
}

@Test("a run that ended a few milliseconds into a second shows no rate that nobody asked for")
func endsWithinASecond() throws {
    var record = try SampleRun(seconds: 12, rate: 1000, stallAt: nil, hasEvents: false).record()
    record.seconds = 11.004
    record.windows[11].planned = 4
    record.windows[11].answered = 12
    let page = HTMLReport.text(record)
    let labels = page.matches(of: #/class="tick end"[^>]*>([^<]*)</#).map { String($0.output.1) }
    #expect(labels.contains("1,000") && !labels.contains { $0.hasSuffix("k") || $0 == "2,000" || $0 == "4,000" })
}
