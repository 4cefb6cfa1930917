import LoadPlan
import LoadRecord
import Testing

private func quiet(_ objectives: [String]) throws -> RunRecord {
    try SampleRun(seconds: 4, rate: 1000, stallAt: nil, hasEvents: false, hasErrors: false, objectives: objectives).record()
}

@Test("each objective is told with what was seen")
func objectivesAreJudged() throws {
    let judgement = RunJudgement(
        try quiet([
            "p50<10ms", "p50<1us", "errors==0", "rate>=1000", "rate>1000", "network.errors==0", "gap<1s", "errors<=0", "errors<0",
        ]))
    #expect(judgement.objectives.map(\.state) == [.held, .missed, .held, .held, .missed, .held, .held, .held, .missed])
    #expect(judgement.objectives[3].words == "1,000/s")
    #expect(judgement.verdict == .missed)
    #expect(judgement.verdict.exitStatus == 1)
}

@Test("refusals are quick, and count in no rate")
func refusalsAreNoRate() throws {
    var record = try quiet(["rate>=1000", "network.rate>=1", "p99<10ms"])
    for index in record.operations.indices {
        let ok = record.operations[index].outcomes[.ok]
        record.operations[index].outcomes[.ok] = 0
        record.operations[index].outcomes[.failed] = ok
    }
    #expect(RunJudgement(record).objectives.map(\.state) == [.missed, .missed, .held])
}

@Test("a run that ended early holds nothing it was to hold to its end")
func endedEarly() throws {
    var record = try quiet(["errors==0"])
    #expect(RunJudgement(record).verdict == .held)
    record.aborted = "interrupted"
    let judgement = RunJudgement(record)
    #expect(judgement.verdict == .missed)
    #expect(judgement.objectives.last?.words == "ended early: interrupted")
}

@Test("an event that did not happen is missed, and so is a command whose end nobody has seen")
func eventsHaveToHappen() throws {
    var record = try quiet(["errors==0"])
    record.scenario.events = [
        PlannedEvent(atSeconds: 1, label: "deploy"), PlannedEvent(atSeconds: 2, label: "kill", command: ["true"]),
    ]
    #expect(
        RunJudgement(record).objectives.filter { $0.state == .missed }.map(\.objective) == ["event 'deploy'", "event 'kill'"])
    record.events = [EventRecord(atSeconds: 1, label: "deploy"), EventRecord(atSeconds: 2, label: "kill")]
    #expect(RunJudgement(record).objectives.filter { $0.state == .missed }.map(\.objective) == ["event 'kill'"])
    record.events[1].exitStatus = 0
    #expect(RunJudgement(record).verdict == .held)
}

@Test("what was not checked counts as missed")
func uncheckedIsMissed() throws {
    var record = try quiet(["lost==0", "wrong_answers==0"])
    #expect(RunJudgement(record).verdict == .held)
    record.ledger?.unchecked = "PostgreSQL was away"
    record.answers?.compared = 0
    let judgement = RunJudgement(record)
    #expect(judgement.objectives.map(\.state) == [.unchecked, .unchecked])
    #expect(judgement.objectives[0].words.contains("PostgreSQL was away"))
    #expect(judgement.verdict == .missed)
    record.ledger = nil
    #expect(RunJudgement(record).objectives[0].state == .unchecked)
}

@Test("requests that never got an answer are slower than any answer")
func unansweredAreSlow() throws {
    var record = try quiet(["p50<10ms", "p99<10s", "max<10s", "mean<10s"])
    // 80 of 4,080 are 2%: the median has moved a little, the 99th percentile has none.
    record.operations[0].outcomes[.timeout] = 80
    let judgement = RunJudgement(record)
    #expect(judgement.objectives.map(\.state) == [.held, .missed, .missed, .missed])
    #expect(judgement.objectives[1].words == "1.96% never got an answer")
    #expect(judgement.objectives[1].observed == nil)
}

@Test("a percentile of all requests is the answers' own percentile of a lower rank only by those missing")
func rankOfAll() {
    var operation = OperationRecord(name: "a")
    for time in 1...90 { operation.response.record(microseconds: UInt64(time)) }
    operation.overflow = 10
    #expect(operation.percentileOfAll(45) == 45)
    #expect(operation.percentileOfAll(90) == 90)
    #expect(operation.percentileOfAll(90.1) == nil)
    operation.overflow = 0
    #expect(operation.percentileOfAll(100) == 90)
}

@Test("a run without a single answer misses what it promised of times and gaps")
func noAnswers() throws {
    var record = try quiet(["p99<10ms", "gap<5s", "errors==0"])
    for index in record.operations.indices {
        let planned = record.operations[index].planned
        record.operations[index] = OperationRecord(name: record.operations[index].name)
        record.operations[index].planned = planned
        record.operations[index].outcomes[.unsent] = planned
    }
    record.scenario.objectives[1].bound = 3_000_000
    #expect(RunJudgement(record).objectives.map(\.state) == [.missed, .missed, .missed])
}

@Test("an invalid run is invalid whatever its times are")
func invalidWins() throws {
    var record = try quiet(["p50<10s"])
    record.invalid = ["slip p99 was 4 ms, over its limit of 1 ms"]
    #expect(RunJudgement(record).verdict.exitStatus == 2)
}

@Test("wrong money, wrong answers and failed events are missed without having been asked for, and told once where they were")
func impliedMisses() throws {
    var record = try quiet(["lost==0"])
    record.ledger?.lost = 1
    record.ledger?.doubled = 2
    record.ledger?.wrong = 3
    record.answers?.wrong = 4
    record.events = [
        EventRecord(atSeconds: 1, label: "mark"), EventRecord(atSeconds: 1, label: "fine", exitStatus: 0),
        EventRecord(atSeconds: 2, label: "kill", exitStatus: 1),
    ]
    let judgement = RunJudgement(record)
    #expect(judgement.objectives.map(\.objective) == ["lost==0", "doubled==0", "wrong==0", "wrong_answers==0", "event 'kill'"])
    #expect(judgement.objectives.allSatisfy { $0.state == .missed } && judgement.verdict == .missed && judgement.missed == 5)
    #expect(RunJudgement(try quiet([])).verdict == .held)
}
