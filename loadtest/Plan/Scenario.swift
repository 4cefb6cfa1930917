/// What a run does: how much is asked, when, of whom, and what must hold.
///
/// A run follows from a scenario alone; times are seconds from the begin of the measured time unless their names say otherwise.
package struct Scenario: Sendable, Codable, Equatable {
    package var name: String
    package var summary: String
    /// Of every random choice.
    package var seed: UInt64
    /// Sent before the phases in the shape of the first one, and not counted.
    package var warmUpSeconds: Double
    package var phases: [Phase]
    package var operations: [WeightedOperation]
    package var affiliates: AffiliateChoice
    package var connections: Int
    /// How many requests wait for answers at most, over all connections.
    package var maxInFlight: Int
    package var timeoutMilliseconds: Int
    package var events: [PlannedEvent]
    package var limits: GeneratorLimits
    package var objectives: [Objective]
    /// How many answers to queries are compared with PostgreSQL, spread over the run.
    package var sampledAnswers: Int

    package static let connectionsMax = 1000
    package static let maxInFlightMax = 1_000_000
    package static let secondsMax: Double = 7 * 86_400
    package static let rateMax: Double = 10_000_000

    package init(name: String, phases: [Phase], operations: [WeightedOperation]) {
        self.name = name
        summary = ""
        seed = 1
        warmUpSeconds = 0
        self.phases = phases
        self.operations = operations
        affiliates = AffiliateChoice()
        connections = 4
        maxInFlight = 20_000
        timeoutMilliseconds = 10_000
        events = []
        limits = GeneratorLimits()
        objectives = []
        sampledAnswers = 200
    }

    /// The length of the measured time, seconds.
    package var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }
}

/// A part of the measured time with one arrival shape.
package struct Phase: Sendable, Codable, Equatable {
    package var name: String
    package var seconds: Double
    package var shape: ArrivalShape

    package init(name: String, seconds: Double, shape: ArrivalShape) {
        self.name = name
        self.seconds = seconds
        self.shape = shape
    }
}

/// When requests are planned within a phase. Rates are requests a second.
package enum ArrivalShape: Sendable, Codable, Equatable {
    case constant(rate: Double)
    case poisson(rate: Double)
    case ramp(from: Double, to: Double)
    /// `steps` rates of equal length, the first `from`, the last `to`.
    case steps(from: Double, to: Double, steps: Int)
    case spike(base: Double, peak: Double, atSeconds: Double, forSeconds: Double)
    /// Offsets from the begin of the phase, ascending, nanoseconds.
    case replay(file: String, offsetsNanoseconds: [UInt64])
    /// No planned times: so many requests are always in flight.
    case closed(inFlight: Int)
}

/// Whom the operations ask about.
package struct AffiliateChoice: Sendable, Codable, Equatable {
    /// The exponent of Zipf's law over affiliates, in an order that follows from the seed; 0: all alike.
    package var zipf: Double
    /// This root's tree gets this share of the requests beside its own weight.
    package var hotRoot: Int64?
    package var hotShare: Double

    package init(zipf: Double = 0, hotRoot: Int64? = nil, hotShare: Double = 0) {
        self.zipf = zipf
        self.hotRoot = hotRoot
        self.hotShare = hotShare
    }
}

/// A run is invalid when the generator itself passes one of these.
package struct GeneratorLimits: Sendable, Codable, Equatable {
    package var slipP99Microseconds: Int
    /// Of one core, by the sending thread.
    package var cpuShare: Double

    package init(slipP99Microseconds: Int = 1000, cpuShare: Double = 0.9) {
        self.slipP99Microseconds = slipP99Microseconds
        self.cpuShare = cpuShare
    }
}

/// Something done to the cluster while the load runs: a command of the shell's, marked on the time line.
package struct PlannedEvent: Sendable, Codable, Equatable {
    package var atSeconds: Double
    package var label: String
    /// Nil: only a mark.
    package var command: [String]?

    package init(atSeconds: Double, label: String, command: [String]? = nil) {
        self.atSeconds = atSeconds
        self.label = label
        self.command = command
    }
}
