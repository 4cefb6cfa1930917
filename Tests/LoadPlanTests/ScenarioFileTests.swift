import Foundation
import LoadFiles
import LoadPlan
import Testing

private let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "loadtest/scenarios").path()

/// Seven lines.
private let head = """
    name: a
    phases:
      - name: p
        length: 10s
        shape: constant
        rate: 100
    operations:

    """
private let one = head + "  - do: upline\n    weight: 1\n"

private func refusal(_ text: String) -> String? {
    do {
        _ = try ScenarioFile.parse(text, file: "s.yaml")
        return nil
    } catch {
        return error.description
    }
}

@Suite("Scenario files")
struct ScenarioFileTests {
    @Test("queries-50k is the mission's: 50,000 a second for 60 s, p99 below 10 ms, no errors")
    func queries() throws {
        let scenario = try ScenarioFile.read(path: samples + "/queries-50k.yaml")
        #expect(scenario.phases == [Phase(name: "steady", seconds: 60, shape: .constant(rate: 50_000))])
        #expect(scenario.plannedRequests == 3_000_000 && scenario.warmUpSeconds > 0)
        #expect(
            scenario.operations.map(\.weight).reduce(0, +) == 100 && !scenario.operations.contains(where: \.operation.isWrite))
        #expect(scenario.objectives.map(\.text).starts(with: ["p99<10ms", "errors==0"]))
        #expect(scenario.affiliates.zipf == 0.99 && scenario.limits == GeneratorLimits())
    }

    @Test(
        "each scenario of the product is read, is named as its file, and can be carried out",
        arguments: ["queries-50k", "mixed", "transactions", "rebalance-under-load", "failover-under-load", "soak"])
    func samplesAreGood(name: String) throws {
        let scenario = try ScenarioFile.read(path: "\(samples)/\(name).yaml")
        #expect(scenario.name == name && !scenario.summary.isEmpty && !scenario.objectives.isEmpty)
        var maker = try RequestMaker(scenario, population(roots: 20), runName: "test")
        var made = PlannedRequest()
        for number in 0..<2000 { maker.make(number, into: &made) }
        var clock = ArrivalClock(scenario)
        #expect(clock.next() != nil)
    }

    @Test("how many transactions are planned follows from rates, weights and batches")
    func plannedTransactions() throws {
        // 60,000 requests, half of them with one transaction and half with 20.
        #expect(try ScenarioFile.named("transactions").plannedTransactions == 630_000)
        #expect(try ScenarioFile.named("queries-50k").plannedTransactions == 0)
    }

    @Test("no scenario is there that this test does not know")
    func allAreKnown() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: samples).filter { $0.hasSuffix(".yaml") }
        #expect(files.count == 6)
    }

    @Test("every field is read as it is written")
    func everything() throws {
        let scenario = try ScenarioFile.parse(
            """
            name: all
            summary: "a: b"
            seed: 18446744073709551615
            warm_up: 1500ms
            phases:
              - {name: a, length: 1min, shape: ramp, from: 0, to: 10.5}
              - {name: b, length: 10s, shape: steps, from: 1, to: 5, steps: 3}
              - {name: c, length: 10s, shape: spike, base: 1, peak: 50, at: 2s, for: 500ms}
              - {name: d, length: 1h, shape: poisson, rate: 7}
            operations:
              - {do: network, weight: 1.5}
              - {name: n, do: network, depth: 9, limit: 0, weight: 1, expect: [404, 410]}
              - {do: rankings, metric: volume, weight: 1}
              - {do: transactions, batch: 3, bets: 0%, weight: 2}
              - {name: ready, do: get, path: /ready, weight: 0}
            affiliates: {zipf: 1, hot_root: 12, hot_share: 12.5%}
            connections: 3
            max_in_flight: 77
            timeout: 2s
            sampled_answers: 0
            limits: {slip_p99: 250us, generator_cpu: 0.5}
            events:
              - {at: 1min, label: x, command: [sh, -c, "a b"]}
              - {at: 0s, label: y}
            objectives: [n.p99<1ms, 'errors==0']
            """, file: "s.yaml")
        #expect(scenario.seed == .max && scenario.warmUpSeconds == 1.5 && scenario.summary == "a: b")
        #expect(
            scenario.phases.map(\.shape) == [
                .ramp(from: 0, to: 10.5), .steps(from: 1, to: 5, steps: 3),
                .spike(base: 1, peak: 50, atSeconds: 2, forSeconds: 0.5),
                .poisson(rate: 7),
            ])
        #expect(scenario.phases.map(\.seconds) == [60, 10, 10, 3600])
        #expect(
            scenario.operations.map(\.operation) == [
                .network(depth: 5, limit: 50), .network(depth: 9, limit: 0), .rankings(metric: "volume", limit: 10),
                .transactions(batch: 3, betsPercent: 0), .path("/ready"),
            ])
        #expect(scenario.operations.map(\.name) == ["network", "n", "rankings", "transactions", "ready"])
        #expect(scenario.operations[1].expectedStatuses == [404, 410])
        #expect(scenario.affiliates == AffiliateChoice(zipf: 1, hotRoot: 12, hotShare: 0.125))
        #expect(scenario.connections == 3 && scenario.maxInFlight == 77 && scenario.timeoutMilliseconds == 2000)
        #expect(scenario.limits == GeneratorLimits(slipP99Microseconds: 250, cpuShare: 0.5) && scenario.sampledAnswers == 0)
        #expect(
            scenario.events == [
                PlannedEvent(atSeconds: 60, label: "x", command: ["sh", "-c", "a b"]), PlannedEvent(atSeconds: 0, label: "y"),
            ])
        #expect(scenario.objectives.map(\.text) == ["n.p99<1ms", "errors==0"])
    }

    @Test(
        "an error names the file, the line and the field, and says what to write",
        arguments: [
            ("", "s.yaml: there is nothing in it"), ("words", "s.yaml:1: write fields here: name, "),
            ("name: a\n", "s.yaml:1: phases: the field is missing"),
            ("name: a\nphases: []\noperations: []", "s.yaml:2: phases: there are 0 phases"),
            (one + "connection: 4", "s.yaml:10: connection: there is no such field; did you mean 'connections'?"),
            (one + "name: b", "s.yaml:1: name: the field is there twice"), (one + "x: &a 1", "s.yaml:10: x: anchors and aliases"),
            (one + "connections: many", "s.yaml:10: connections: 'many' is not right; write a whole number"),
            (one + "connections: [4]", "s.yaml:10: connections: write one value here"),
            (one + "connections: 0", "s.yaml:10: connections: 0 is out of range; give 1 to 1000"),
            (one + "connections: 1001", "s.yaml:10: connections: 1001 is out of range"),
            (one + "connections: -1", "s.yaml:10: connections: '-1' is not right"),
            (one + "connections:", "s.yaml:10: connections: there is no value; write a whole number"),
            (one + "timeout: 5", "s.yaml:10: timeout: '5' is not right; write a time with its unit, as in 500ms"),
            (one + "timeout: 1h", "s.yaml:10: timeout: 3600000 is out of range; give 1 to 600000 milliseconds"),
            (one + "seed: 18446744073709551616", "s.yaml:10: seed: '18446744073709551616' is not right"),
            (one + "warm_up: 9999h", "s.yaml:10: warm_up: 35996400 is out of range; give 0 to 604800 seconds"),
            (one + "affiliates:\n  zipf: 6", "s.yaml:11: affiliates.zipf: 6 is out of range; give 0 to 5"),
            (one + "affiliates:\n  zipfs: 1", "s.yaml:11: affiliates.zipfs: there is no such field; did you mean 'zipf'?"),
            (one + "affiliates:\n  hot_share: 20%", "s.yaml:11: affiliates.hot_share: there is no hot_root"),
            (one + "affiliates:\n  hot_root: 2", "s.yaml:11: affiliates.hot_root: its share is missing"),
            (one + "limits: {generator_cpu: 120%}", "s.yaml:10: limits.generator_cpu: '120%' is not right; write a share"),
            (one + "events:\n  - at: 11s\n    label: x", "s.yaml:11: events[0].at: 11 is out of range; give 0 to 10 seconds"),
            (one + "events:\n  - at: 1s", "s.yaml:11: events[0].label: the field is missing"),
            (one + "events:\n  - {at: 1s, label: x, command: ls}", "s.yaml:11: events[0].command: write a list here"),
            (one + "events:\n  - {at: 1s, label: x, command: []}", "s.yaml:11: events[0].command: write a program"),
            (one + "objectives:\n  - p99<10", "s.yaml:11: objectives[0]: 'p99<10': '10' is no bound for p99"),
            (
                one + "objectives:\n  - errors==0\n  - join.p99<1ms",
                "s.yaml:12: objectives[1]: 'join.p99<1ms': there is no operation 'join'"
            ),
            (head + "  - do: upline", "s.yaml:8: operations[0].weight: the field is missing; write how often"),
            (head + "  - {do: upline, weight: 0}", "s.yaml:7: operations: all weights are 0"),
            (
                head + "  - {do: upline, weight: 1}\n  - {do: upline, weight: 1}",
                "s.yaml:9: operations[1].name: there are two operations 'upline'"
            ),
            (
                head + "  - {do: uplines, weight: 1}",
                "s.yaml:8: operations[0].do: 'uplines' is nothing we can do; did you mean 'upline'?"
            ),
            (
                head + "  - {do: upline, weight: 1, depth: 4}",
                "s.yaml:8: operations[0].depth: there is no such field; there are name, do, weight, expect"
            ),
            (head + "  - {do: upline, weight: -1}", "s.yaml:8: operations[0].weight: '-1' is not right"),
            (head + "  - {do: upline, weight: nan}", "s.yaml:8: operations[0].weight: 'nan' is not right"),
            (
                head + "  - {do: network, depth: 0, weight: 1}",
                "s.yaml:8: operations[0].depth: 0 is out of range; give 1 to 1000000"
            ),
            (head + "  - {do: network, limit: 1001, weight: 1}", "s.yaml:8: operations[0].limit: 1001 is out of range"),
            (
                head + "  - {do: rankings, metric: size, weight: 1}",
                "s.yaml:8: operations[0].metric: there is no ranking by 'size'"
            ),
            (head + "  - {do: transactions, batch: 1001, weight: 1}", "s.yaml:8: operations[0].batch: 1001 is out of range"),
            (
                head + "  - {do: transactions, bets: 0.5, weight: 1}",
                "s.yaml:8: operations[0].bets: '0.5' is not right; write which part"
            ),
            (head + "  - {do: get, path: ready, weight: 1}", "s.yaml:8: operations[0].path: 'ready' is no path"),
            (
                head + "  - {name: p99, do: upline, weight: 1}",
                "s.yaml:8: operations[0].name: 'p99' means something in objectives"
            ),
            (head + "  - {name: a.b, do: upline, weight: 1}", "s.yaml:8: operations[0].name: 'a.b' is no name"),
            (head + "  - {do: join, weight: 1, expect: [500]}", "s.yaml:8: operations[0].expect: 500 cannot be expected"),
            (head + "  upline: 1", "s.yaml:7: operations: write a list here"),
            (
                one.replacingOccurrences(of: "constant", with: "constnat"),
                "s.yaml:5: phases[0].shape: 'constnat' is no shape; did you mean 'constant'?"
            ),
            (one.replacingOccurrences(of: "rate: 100", with: "rate: 1e9"), "s.yaml:6: phases[0].rate: '1e9' is not right"),
            (
                one.replacingOccurrences(of: "rate: 100", with: "rate: 99999999"),
                "s.yaml:6: phases[0].rate: 99999999 is out of range"
            ),
            (one.replacingOccurrences(of: "rate: 100", with: "rate: 0"), "s.yaml:2: phases: no request is planned"),
            (one.replacingOccurrences(of: "rate: 100", with: "from: 100"), "s.yaml:6: phases[0].from: there is no such field"),
            (
                one.replacingOccurrences(of: "    rate: 100\n", with: ""),
                "s.yaml:3: phases[0].rate: the field is missing; write requests"
            ),
            (
                one.replacingOccurrences(of: "length: 10s", with: "length: 0s"),
                "s.yaml:4: phases[0].length: a phase lasts more than 0 s"
            ),
            (one.replacingOccurrences(of: "    length: 10s\n", with: ""), "s.yaml:3: phases[0].length: the field is missing"),
            (one.replacingOccurrences(of: "name: a", with: "name: a/b"), "s.yaml:1: name: 'a/b' is no name"),
            ("\t", "s.yaml:1: not YAML"), ("a: [", "s.yaml:2: not YAML"),
        ])
    func faults(text: String, wanted: String) {
        let found = refusal(text)
        #expect(found?.hasPrefix(wanted) == true, "\(found ?? "nothing")")
    }

    @Test(
        "phases that cannot be are refused",
        arguments: [
            ("{name: p, length: 10s, shape: poisson, rate: 0}", "phases[0].rate: gaps at rate 0"),
            ("{name: p, length: 10s, shape: spike, base: 1, peak: 2, at: 11s, for: 1s}", "phases[0].at: 11 is out of range"),
            ("{name: p, length: 10s, shape: spike, base: 1, peak: 2, at: 8s, for: 3s}", "phases[0].for: 3 is out of range"),
            ("{name: p, length: 10s, shape: steps, from: 1, to: 2, steps: 0}", "phases[0].steps: 0 is out of range"),
            ("{name: p, length: 10s, shape: closed, in_flight: 0}", "phases[0].in_flight: 0 is out of range"),
            ("{name: p, length: 4000h, shape: constant, rate: 1}", "phases[0].length: 14400000 is out of range"),
            (
                "{name: p, length: 100h, shape: constant, rate: 1}\n  - {name: q, length: 100h, shape: constant, rate: 1}",
                "phases: 720000 is out of range"
            ),
            (
                "{name: p, length: 1s, shape: constant, rate: 1}\n  - {name: p, length: 1s, shape: constant, rate: 1}",
                "phases[1].name: there are two phases 'p'"
            ),
            (
                "{name: p, length: 1s, shape: constant, rate: 1}\n  - {name: q, length: 1s, shape: closed, in_flight: 1}",
                "phases[1].shape: a closed loop has no planned times and must be the only phase"
            ),
        ])
    func phases(phase: String, wanted: String) {
        let found = refusal("name: a\noperations: [{do: upline, weight: 1}]\nphases:\n  - \(phase)\n")
        #expect(found?.contains(wanted) == true, "\(found ?? "nothing")")
    }

    @Test("texts nested or repeated beyond all reason are refused, not followed")
    func hostile() {
        #expect(refusal(String(repeating: "[", count: 100_000)) != nil)
        #expect(
            refusal(one + "events: [" + String(repeating: "{}, ", count: 60_000) + "]")?.contains("more than 50000 values")
                == true)
        let doubling = (1...60).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: "\n")
        #expect(refusal("a0: &a0 [x]\n" + doubling)?.contains("anchors") == true)
        let many = (0...64).map { "  - {name: o\($0), do: upline, weight: 1}\n" }.joined()
        #expect(refusal(head + many)?.contains("operations: there are 65 operations") == true)
    }

    @Test("a file that is missing, too large or not UTF-8 is refused with its name")
    func unreadable() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "load-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(repeating: UInt8(ascii: "#"), count: ScenarioFile.bytesMax + 1).write(to: folder.appending(path: "large"))
        try Data([0x6E, 0xFF]).write(to: folder.appending(path: "latin"))
        for (name, wanted) in [
            ("none", "no such file"), ("", "it is a folder"), ("large", "larger than"), ("latin", "not UTF-8"),
        ] {
            let path = folder.appending(path: name).path()
            #expect(throws: LoadFileError.self) { try ScenarioFile.read(path: path) }
            do { _ = try ScenarioFile.read(path: path) } catch {
                #expect(error.code == .unreadable && error.description.hasPrefix(path) && error.description.contains(wanted))
            }
        }
    }

    @Test("a recording is found beside its scenario, and its errors name its own lines")
    func replay() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "load-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let scenario = folder.appending(path: "s.yaml").path()
        let recording = folder.appending(path: "r.txt").path()
        try "name: a\noperations: [{do: upline, weight: 1}]\nphases:\n  - {name: p, shape: replay, file: r.txt}\n"
            .write(toFile: scenario, atomically: true, encoding: .utf8)
        #expect(throws: LoadFileError.self) { try ScenarioFile.read(path: scenario) }
        try "# seconds\n0\n0.000000001\n 1.5 # here\r\n\n2\n".write(toFile: recording, atomically: true, encoding: .utf8)
        let phase = try ScenarioFile.read(path: scenario).phases[0]
        #expect(phase.shape == .replay(file: "r.txt", offsetsNanoseconds: [0, 1, 1_500_000_000, 2_000_000_000]))
        #expect(phase.seconds == 3)
        for (text, wanted) in [
            ("1\n0.5\n", ":2: the offset is smaller"), ("1\nx\n", ":2: 'x' is no offset"), ("1.\n", ":1: '1.'"),
            (".5", ":1: '.5'"),
            ("-1\n", ":1: '-1'"), ("1.0000000001", ":1: "), ("9999999999", ":1: "), ("# none\n", ": no request is recorded"),
        ] {
            do {
                _ = try RecordedArrivals.parse(Array(text.utf8), file: "r")
                Issue.record("\(text) was read")
            } catch {
                #expect(error.description.hasPrefix("r\(wanted)"), "\(error)")
            }
        }
        let short =
            "name: a\noperations: [{do: upline, weight: 1}]\nphases:\n  - {name: p, length: 2s, shape: replay, file: r.txt}\n"
        try short.write(toFile: scenario, atomically: true, encoding: .utf8)
        do {
            _ = try ScenarioFile.read(path: scenario)
            Issue.record("a phase that ends before its recording was read")
        } catch {
            #expect(error.description.hasPrefix("\(scenario):4: phases[0].length: the last recorded request comes at 2.0 s"))
        }
    }

    @Test("a population written as a file reads back as it was, and a line that is none is named")
    func populations() throws {
        let network = population(roots: 300)
        #expect(try PopulationFile.parse(PopulationFile.bytes(of: network), file: "p").members == network.members)
        for (text, wanted) in [
            ("", "p:1: the first line must be"), ("a\n", "p:1: the first line must be"),
            ("\(PopulationFile.header)\n1,1,0,1,0\n1,1\n", "p:3: "),
            ("\(PopulationFile.header)\n1,1,256,1,0\n", "p:2: "), ("\(PopulationFile.header)\n1,1,0,2,0\n", "p:2: "),
            ("\(PopulationFile.header)\n0,1,0,1,0\n", "p:2: "), ("\(PopulationFile.header)\n1,1,0,1,0,\n", "p:2: "),
            ("\(PopulationFile.header)\n5,1,0,1,0\n5,1,0,1,0\n", "p: affiliate 5 is there twice"),
        ] {
            do {
                _ = try PopulationFile.parse(Array(text.utf8), file: "p")
                Issue.record("\(text) was read")
            } catch {
                #expect(error.description.hasPrefix(wanted), "\(error)")
            }
        }
    }
}
