import Core
import Glibc
import LoadPlan
import LoadRecord

/// What this machine can generate, against a null server on a thread of its own. A figure of the generator and the machine, not of a cluster.
package struct CalibrationReport: Sendable, Codable {
    /// One attempt at an even rate.
    package struct Attempt: Sendable, Codable {
        package var rate: Double
        /// Answers a second.
        package var answered: Double
        package var slipP99Microseconds: UInt64
        package var cpuShare: Double
        /// Of the generator.
        package var cpuMicrosecondsPerRequest: Double
        /// Why the rate is too high; empty: it is not.
        package var reasons: [String]
    }

    /// As fast as it goes with so many connections and requests in flight on each.
    package struct ClosedLoop: Sendable, Codable {
        package var connections: Int
        package var streams: Int
        /// Answers a second.
        package var answered: Double
        /// Of the generator.
        package var cpuMicrosecondsPerRequest: Double
        /// The same by h2load against the same server; nil when it is not installed.
        package var h2loadAnswered: Double?
        package var h2loadCPUMicrosecondsPerRequest: Double?
    }

    package var environment: RunEnvironment
    package var attempts: [Attempt] = []
    /// Requests a second at which neither slip nor processor share passed its limit, the most of them.
    package var highestRate: Double?
    package var closedLoops: [ClosedLoop] = []
}

/// Measures a `CalibrationReport`.
package struct Calibration: Sendable {
    /// Of each attempt.
    package var seconds: Double = 3
    package var connections = 4
    package var firstRate: Double = 25_000
    package var highestRate: Double = 400_000
    package var limits = GeneratorLimits()
    /// Connections and streams on each of the closed loops.
    package var shapes = [(4, 100), (16, 10)]
    /// Of the null server's answers.
    package var bodyBytes = 32

    /// Below this share of the planned answers in time, the null server was too slow.
    private static let answeredShareMin = 0.99

    package init() {}

    /// - Parameter progress: told in words what has been measured, as it goes.
    package func run(progress: (String) -> Void = { _ in }) throws(LoadSetUpError) -> CalibrationReport {
        let server = try NullServer(bodyBytes: bodyBytes)
        defer { server.stop() }
        var report = CalibrationReport(environment: ThisMachine.environment(target: server.target))
        var search = RateSearch(from: firstRate, lowest: 100, highest: highestRate)
        while case .attempt(let rate) = search.step {
            let attempt = try attempt(rate, server)
            report.attempts.append(attempt)
            search.tell(held: attempt.reasons.isEmpty)
            progress(
                "\(Int(rate)) requests/s: slip p99 \(attempt.slipP99Microseconds) µs, processor \(Int(attempt.cpuShare * 100))% of a core"
                    + (attempt.reasons.isEmpty ? "" : ": too much"))
        }
        report.highestRate = search.held
        for (connections, streams) in shapes {
            report.closedLoops.append(try closedLoop(connections, streams, server))
            progress("closed loop, \(connections) connections of \(streams) streams: done")
        }
        return report
    }

    private func scenario(_ shape: ArrivalShape, connections: Int) -> Scenario {
        var scenario = Scenario(
            name: "calibrate", phases: [Phase(name: "calibrate", seconds: seconds, shape: shape)],
            operations: [WeightedOperation(name: "null", operation: .path("/"), weight: 1)])
        scenario.connections = connections
        scenario.warmUpSeconds = 0.5
        scenario.limits = limits
        return scenario
    }

    private func attempt(_ rate: Double, _ server: NullServer) throws(LoadSetUpError) -> CalibrationReport.Attempt {
        let scenario = scenario(.constant(rate: rate), connections: connections)
        let record = try run(scenario, server)
        let operation = record.operations[0]
        let inTime = record.windows.reduce(0) { $0 + $1.answered }
        var reasons = record.invalid
        if Double(inTime) < Double(operation.planned) * Self.answeredShareMin {
            reasons.append("the null server answered \(inTime) of \(operation.planned) in time")
        }
        return CalibrationReport.Attempt(
            rate: rate, answered: Double(inTime) / record.seconds, slipP99Microseconds: operation.slip.percentile(99),
            cpuShare: record.agents[0].cpuShare,
            cpuMicrosecondsPerRequest: record.agents[0].cpuShare * record.seconds * 1e6 / Double(max(1, record.agents[0].sent)),
            reasons: reasons)
    }

    private func closedLoop(
        _ connections: Int, _ streams: Int, _ server: NullServer
    ) throws(LoadSetUpError) -> CalibrationReport.ClosedLoop {
        let record = try run(scenario(.closed(inFlight: connections * streams), connections: connections), server)
        let answered = Double(record.operations[0].outcomes.total)
        var result = CalibrationReport.ClosedLoop(
            connections: connections, streams: streams, answered: answered / record.seconds,
            cpuMicrosecondsPerRequest: record.agents[0].cpuShare * record.seconds * 1e6 / max(1, answered))
        if let peer = H2LoadPeer.measure(port: server.port, connections: connections, streams: streams, requests: Int(answered)) {
            result.h2loadAnswered = peer.perSecond
            result.h2loadCPUMicrosecondsPerRequest = peer.cpuMicrosecondsPerRequest
        }
        return result
    }

    private func run(_ scenario: Scenario, _ server: NullServer) throws(LoadSetUpError) -> RunRecord {
        try LoadRun(
            scenario, times: ArrivalClock(scenario), source: PathSource(["/"]), target: server.target,
            environment: ThisMachine.environment(target: server.target)
        ).run()
    }
}
