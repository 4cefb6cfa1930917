import Core
import LoadPlan
import LoadRecord

@testable import LoadEngine

/// Planned times that are evenly spaced: request k at k / rate. Of a closed loop, none.
struct EvenTimes: PlannedTimes {
    let count: Int
    let rate: Int
    var closedInFlight: Int?
    var agent = 0
    var agents = 1
    private(set) var number = -1
    private var passed = 0

    init(_ count: Int, rate: Int, closedInFlight: Int? = nil, agent: Int = 0, of agents: Int = 1) {
        self.count = count
        self.rate = rate
        self.closedInFlight = closedInFlight
        self.agent = agent
        self.agents = agents
        passed = agent
    }

    mutating func next() -> UInt64? {
        guard closedInFlight == nil, passed < count else { return nil }
        number = passed
        passed += agents
        return UInt64(number) * 1_000_000_000 / UInt64(rate)
    }
}

/// A load of tests: one operation for each path, in turn.
struct TestLoad {
    var paths = ["/"]
    var count = 100
    var rate = 1000
    var closedInFlight: Int?
    var warmUpSeconds: Double = 0
    var seconds: Double?
    var connections = 1
    var maxInFlight = 10_000
    var timeoutMilliseconds = 10_000
    var objectives: [Objective] = []
    var events: [PlannedEvent] = []

    var scenario: Scenario {
        let length = seconds ?? Double(count) / Double(rate) - warmUpSeconds
        let shape: ArrivalShape = closedInFlight.map { .closed(inFlight: $0) } ?? .constant(rate: Double(rate))
        var scenario = Scenario(
            name: "test", phases: [Phase(name: "only", seconds: length, shape: shape)],
            operations: paths.map { WeightedOperation(name: $0, operation: .path($0), weight: 1) })
        scenario.warmUpSeconds = warmUpSeconds
        scenario.connections = connections
        scenario.maxInFlight = maxInFlight
        scenario.timeoutMilliseconds = timeoutMilliseconds
        scenario.objectives = objectives
        scenario.events = events
        // A test's machine may be busy.
        scenario.limits = GeneratorLimits(slipP99Microseconds: 60_000_000, cpuShare: 100)
        return scenario
    }

    func run(
        _ target: LoadTarget, agent: Int = 0, of agents: Int = 1, endsEarly: Bool = false, observer: sending AnswerObserver? = nil
    ) -> LoadRun {
        LoadRun(
            scenario, times: EvenTimes(count, rate: rate, closedInFlight: closedInFlight, agent: agent, of: agents),
            source: PathSource(paths), target: target, environment: ThisMachine.environment(target: target), agent: agent,
            of: agents, endsEarly: endsEarly, observer: observer)
    }
}

extension RunRecord {
    /// Over all operations.
    var outcomes: OutcomeCounts {
        operations.reduce(into: OutcomeCounts()) { $0.add($1.outcomes) }
    }
    var planned: Int { operations.reduce(0) { $0 + $1.planned } }
    var overflow: Int { operations.reduce(0) { $0 + $1.overflow } }
}
