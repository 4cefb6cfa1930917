import Foundation
import TestServers
import Testing

/// What `cluster/acceptance.jq` makes of a run's record.
@Suite("The judgement of an acceptance run")
struct JudgementTests {
    private struct Judgement: Decodable {
        enum Cell: Decodable {
            case text(String)
            case number(Double)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .number(try container.decode(Double.self))
                }
            }

            var words: String {
                switch self {
                case .text(let text): text
                case .number(let number): "\(Int(number))"
                }
            }
        }

        var table: [[Cell]]
        var faults: [String]

        /// Of a phase, under a heading.
        func cell(_ phase: String, _ heading: String) -> String? {
            let column = table[0].firstIndex { $0.words == heading } ?? 0
            return table.first { $0[0].words == phase }?[column].words
        }
    }

    private struct Phase {
        var name: String
        var kind = "planned"
        var begin: Int
        var fault: ClosedRange<Int>?
    }

    /// Seconds 0 to 29, of which some have requests that failed; the load was ended at 30.
    /// - Parameter answered: begins and ends of the failures that gateways have logged, ms.
    private func judge(_ phases: [Phase], failed: [Int: Int], logged: [(Int, Int)] = []) throws -> Judgement {
        let scratch = try ScratchFolder("judgement")
        func write(_ name: String, _ lines: [Any]) throws {
            let text = try lines.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) }
            try text.joined(separator: "\n").write(toFile: "\(scratch.path)/\(name)", atomically: true, encoding: .utf8)
        }
        let windows = (0..<30).map { second -> [String: Any] in
            let bad = failed[second] ?? 0
            return [
                "planned": 100, "overflow": 0, "outcomes": ["counts": [100 - bad, 0, 0, bad, 0, 0, 0, 0, 0]], "answered": 100,
                "response": ["buckets": [1000, 100]],
            ]
        }
        let record: [String: Any] = [
            "windowSeconds": 1, "startedAtMicroseconds": 0, "windows": windows, "invalid": [String](),
            "ledger": ["accepted": 5, "lost": 0, "doubled": 0, "wrong": 0],
        ]
        try write("run.json", [record])
        try write(
            "phases.jsonl",
            phases.map { phase -> [String: Any] in
                [
                    "name": phase.name, "kind": phase.kind, "parked": 3, "begin": phase.begin * 1000,
                    "faultAt": phase.fault.map { $0.lowerBound * 1000 as Any } ?? NSNull(),
                    "faultUntil": phase.fault.map { $0.upperBound * 1000 as Any } ?? NSNull(),
                ]
            })
        try write("failures.jsonl", logged.map { ["begin": $0.0 * 1000, "end": $0.1 * 1000] })
        let said = try ClusterScript.need(
            "/usr/bin/env",
            [
                "jq", "-n", "--slurpfile", "run", "\(scratch.path)/run.json", "--slurpfile", "phases",
                "\(scratch.path)/phases.jsonl",
                "--slurpfile", "failures", "\(scratch.path)/failures.jsonl", "--argjson", "ended", "30000000", "-f",
                "\(ClusterScript.folder)/acceptance.jq",
            ])
        return try JSONDecoder().decode(Judgement.self, from: Data(said.utf8))
    }

    private let phases = [
        Phase(name: "calm", begin: 2_500), Phase(name: "worker", kind: "crash", begin: 10_000, fault: 10_500...16_000),
        Phase(name: "after", begin: 14_200),
    ]

    @Test("a load without a failure has no fault, and each of its seconds is in a phase")
    func good() throws {
        let judgement = try judge(phases, failed: [:])
        #expect(judgement.faults == [])
        #expect(judgement.cell("begin", "requests") == "300")
        #expect(judgement.cell("calm", "requests") == "700")
        #expect(judgement.cell("worker", "requests") == "500")
        #expect(judgement.cell("after", "requests") == "1500")
        #expect(judgement.cell("worker", "outage ms") == "-" && judgement.cell("worker", "parked") == "3")
    }

    @Test("requests may fail in a fault's window, and where it runs over into the next phase; how long they failed is told")
    func inWindow() throws {
        let judgement = try judge(phases, failed: [11: 5, 15: 2], logged: [(3_000, 3_001), (10_900, 11_900), (15_100, 15_400)])
        #expect(judgement.faults == [])
        #expect(judgement.cell("worker", "failed") == "5" && judgement.cell("after", "failed") == "2")
        #expect(judgement.cell("worker", "outage ms") == "4500")
    }

    @Test("a failure before the first phase, between two, or behind the window is a fault", arguments: [0, 2, 9, 13, 17, 29])
    func stray(second: Int) throws {
        var phases = phases
        phases[1].fault = 10_500...12_500
        let judgement = try judge(phases, failed: [11: 1, second: 1], logged: [(11_000, 11_100)])
        let phase = second < 3 ? "begin" : second < 10 ? "calm" : second < 15 ? "worker" : "after"
        #expect(judgement.faults == ["\(phase): 1 requests failed outside of a fault's window"])
        #expect(judgement.cell(phase, "outside window") == "1")
    }
}
