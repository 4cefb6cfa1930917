import LoadPlan
import LoadRecord

/// What the sending thread needs of a scenario, in its units.
struct SenderPlan {
    let connections: Int
    let maxInFlight: Int
    let timeoutNanoseconds: UInt64
    let warmUpNanoseconds: UInt64
    let measuredNanoseconds: UInt64
    let operationCount: Int
    let sliceSeconds: Int
    /// Of every operation and status the outcome, by operation × `OperationTally.statusEnd` + status.
    let outcomes: [Outcome]
    /// Of a closed loop, of this agent.
    let closedInFlight: Int?
    let agent: Int
    let agents: Int

    var endNanoseconds: UInt64 { warmUpNanoseconds + measuredNanoseconds }

    init(_ scenario: Scenario, sliceSeconds: Int, closedInFlight: Int?, agent: Int, agents: Int) {
        self.agent = agent
        self.agents = agents
        connections = max(1, Self.share(of: scenario.connections, agent, agents))
        maxInFlight = max(1, Self.share(of: scenario.maxInFlight, agent, agents))
        timeoutNanoseconds = UInt64(scenario.timeoutMilliseconds) * 1_000_000
        warmUpNanoseconds = UInt64((scenario.warmUpSeconds * 1e9).rounded())
        measuredNanoseconds = UInt64((scenario.seconds * 1e9).rounded())
        operationCount = scenario.operations.count
        self.sliceSeconds = sliceSeconds
        self.closedInFlight = closedInFlight.map { Self.share(of: $0, agent, agents) }
        var outcomes: [Outcome] = []
        for operation in scenario.operations {
            for status in 0..<OperationTally.statusEnd {
                outcomes.append(operation.expectedStatuses.contains(status) ? .ok : Outcome(status: status))
            }
        }
        self.outcomes = outcomes
    }

    /// The agents share what a scenario says of all of them.
    private static func share(of total: Int, _ agent: Int, _ agents: Int) -> Int {
        total / agents + (agent < total % agents ? 1 : 0)
    }
}

extension Outcome {
    init(status: Int) {
        switch status {
        case 200..<300: self = .ok
        case 300..<400: self = .redirect
        case 400..<500: self = .refused
        default: self = .failed
        }
    }
}
