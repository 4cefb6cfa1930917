import LoadPlan
import LoadRecord
import LoadReport
import Testing

private let resamples = 200

private func run(seed: UInt64, slowness: Double = 1, hasErrors: Bool = false) throws -> RunRecord {
    try SampleRun(
        seconds: 24, rate: 20_000, seed: seed, slowness: slowness, stallAt: nil, hasEvents: false, hasErrors: hasErrors
    ).record()
}

private func row(_ comparison: RunComparison, _ metric: String, of operation: String? = nil) throws -> RunComparison.Row {
    let group = try #require(comparison.groups.first { $0.operation == operation })
    return try #require(group.rows.first { $0.metric == metric })
}

@Test("runs that differ by chance alone show no difference, in either direction")
func chanceIsNoDifference() throws {
    for seed in UInt64(1)...3 {
        let comparison = try RunComparison(run(seed: seed), run(seed: seed + 100), resamples: resamples)
        for row in comparison.groups[0].rows { #expect(row.verdict == .noDifference || row.reason != nil, "\(seed): \(row)") }
        #expect(comparison.exitStatus == 0)
    }
}

@Test("a run that is a fifth slower is worse, and the ratio lies in its interval")
func slowerIsWorse() throws {
    let comparison = try RunComparison(run(seed: 1), run(seed: 2, slowness: 1.2), resamples: resamples)
    let median = try row(comparison, "p50")
    #expect(median.verdict == .worse)
    let (change, low, high) = (try #require(median.change), try #require(median.low), try #require(median.high))
    #expect(low <= change && change <= high)
    #expect(low < 1.2 && high > 1.1)
    #expect(try row(comparison, "p99", of: "rankings").verdict == .worse)
    #expect(try row(comparison, "rate").verdict == .noDifference)
    #expect(comparison.exitStatus == 1)
    #expect(ComparisonReport.text(comparison).hasPrefix("The second run is worse\n"))
}

@Test("the same the other way round is better, and better ends well")
func fasterIsBetter() throws {
    let comparison = try RunComparison(run(seed: 1, slowness: 1.2), run(seed: 2), resamples: resamples)
    #expect(comparison.verdict == .better)
    #expect(comparison.exitStatus == 0)
}

@Test("fewer answers a second are worse though no time is longer")
func fewerAnswersAreWorse() throws {
    let first = try run(seed: 1)
    var second = first
    for index in second.windows.indices { second.windows[index].answered = second.windows[index].answered * 8 / 10 }
    let comparison = try RunComparison(first, second, resamples: resamples)
    #expect(try row(comparison, "rate").verdict == .worse)
    #expect(try row(comparison, "p99").verdict == .noDifference)
}

@Test("errors in every window are worse; a single one is chance")
func errorsAreCompared() throws {
    let first = try run(seed: 1)
    var many = first
    for index in many.windows.indices {
        many.windows[index].outcomes[.failed] += 100
        many.operations[0].outcomes[.failed] += 100
    }
    #expect(try row(RunComparison(first, many, resamples: resamples), "errors").verdict == .worse)
    var one = first
    one.windows[7].outcomes[.failed] += 1
    one.operations[0].outcomes[.failed] += 1
    #expect(try row(RunComparison(first, one, resamples: resamples), "errors").verdict == .noDifference)
}

@Test("the same two records give the same intervals every time")
func intervalsAreFixed() throws {
    let (a, b) = (try run(seed: 1), try run(seed: 2, slowness: 1.03))
    let text = ComparisonReport.text(try RunComparison(a, b, resamples: resamples))
    let again = try RunComparison(a, b, resamples: resamples)
    #expect(ComparisonReport.text(again) == text)
    #expect(String(decoding: try RunFile.encode(again), as: UTF8.self).contains("\"fature.loadtest.comparison\""))
}

@Test("runs of different loads are refused, and say so when they are forced")
func otherLoadsAreRefused() throws {
    let first = try run(seed: 1)
    var second = first
    second.scenario.connections = 99
    second.scenario.objectives = []
    let refusal = try #require(throws: RunComparison.Refusal.self) { try RunComparison(first, second, resamples: resamples) }
    #expect(refusal.description.contains("4 and 99 connections"))
    #expect(refusal.description.contains("--force"))
    let forced = try RunComparison(first, second, isForced: true, resamples: resamples)
    #expect(ComparisonReport.markdown(forced).contains("4 and 99 connections"))
}

@Test("an invalid run is not compared to an end")
func invalidRunsAreTold() throws {
    let first = try run(seed: 1)
    var second = first
    second.invalid = ["the clock jumped"]
    let comparison = try RunComparison(first, second, resamples: resamples)
    #expect(comparison.exitStatus == 2)
    #expect(ComparisonReport.text(comparison).contains("second run: the clock jumped"))
}

@Test("a run of few windows is compared without a verdict")
func shortRunsAreNotJudged() throws {
    let short = try SampleRun(seconds: 5, rate: 1000, stallAt: nil).record()
    let comparison = try RunComparison(short, short, resamples: resamples)
    #expect(comparison.verdict == .notJudged)
    #expect(comparison.exitStatus == 2)
    #expect(ComparisonReport.text(comparison).contains("fewer than 10 windows"))
}
