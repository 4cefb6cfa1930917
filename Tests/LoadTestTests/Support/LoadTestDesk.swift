import ClusterSupport
import Foundation
import LoadRecord
import TestServers

/// A cluster of real processes, and `fature loadtest` to run against it.
struct LoadTestDesk: Sendable {
    let cluster: TestCluster
    let scratch: ScratchFolder

    static func open() async throws -> LoadTestDesk {
        LoadTestDesk(
            cluster: try await TestCluster.start(
                workers: 1, gateways: 1, affiliates: 600, seed: 71, redis: try await PrivateRedis.start()),
            scratch: try ScratchFolder("loadtest"))
    }

    /// Runs a scenario against the gateway; its JSON is `run.json` afterwards.
    func run(_ scenario: Scenario, _ more: [String] = []) throws -> CommandRun {
        try cluster.run(
            [
                "loadtest", "run", scenario.write(in: scratch), "--target", "http://127.0.0.1:\(cluster.port())", "--json",
                path("run.json"),
            ]
                + more)
    }

    func path(_ file: String) -> String { "\(scratch.path)/\(file)" }
    func text(_ file: String) throws -> String { try String(contentsOfFile: path(file), encoding: .utf8) }
    func record() throws -> RunRecord { try RunFile.decode(Array(Data(contentsOf: URL(fileURLWithPath: path("run.json"))))) }
}

/// The text of a scenario: a rate that a debug build on a busy machine can do.
struct Scenario {
    var length = "3s"
    var rate = 60
    /// So many requests are always in flight, instead of a rate.
    var closedInFlight: Int?
    var operations = """
          - do: network
            depth: 3
            weight: 40
          - do: upline
            weight: 20
          - do: affiliate
            weight: 20
          - name: single
            do: transactions
            batch: 1
            weight: 10
          - name: batch
            do: transactions
            batch: 5
            weight: 10
        """
    var events: [(at: String, label: String, command: [String])] = []
    var objectives = ["errors==0", "overflow==0", "lost==0", "doubled==0", "wrong==0", "wrong_answers==0"]

    /// Its file.
    func write(in scratch: ScratchFolder) throws -> String {
        let events = events.map { event in
            let command = event.command.map { "      - '\($0.replacingOccurrences(of: "'", with: "''"))'" }
            return (["  - at: \(event.at)", "    label: \(event.label)", "    command:"] + command).joined(separator: "\n")
        }
        let text = """
            name: proof
            seed: 9
            warm_up: 500ms
            phases:
              - name: steady
                length: \(length)
                \(closedInFlight.map { "shape: closed\n    in_flight: \($0)" } ?? "shape: constant\n    rate: \(rate)")
            operations:
            \(operations)
            connections: 2
            max_in_flight: 1000
            # The machine of a test may be busy.
            limits:
              slip_p99: 60s
              generator_cpu: 100%
            \(events.isEmpty ? "" : "events:\n" + events.joined(separator: "\n"))
            \(objectives.isEmpty ? "" : "objectives:\n" + objectives.map { "  - \($0)" }.joined(separator: "\n"))

            """
        let path = "\(scratch.path)/proof.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}
