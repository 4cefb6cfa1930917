import LoadPlan

/// All that is known of a run. Its JSON is what `--json` writes and `loadtest compare` reads; `docs/loadtest.md` describes it.
package struct RunRecord: Sendable, Codable {
    package static let schemaName = "fature.loadtest.run"
    package static let schemaVersion = 2
    /// Bounds what a long run keeps of each operation: a histogram a slice.
    package static let slicesMax = 60
    /// What a file or another agent may say of anything that is counted: sums of such numbers stay within an `Int`.
    package static let counts = 0...(1 << 40)

    package var schema = schemaName
    package var version = schemaVersion
    package var scenario: Scenario
    package var environment: RunEnvironment
    /// Microseconds since 1970 of the begin of the measured time.
    package var startedAtMicroseconds: Int64
    /// The measured time, seconds: as planned, or until it was aborted.
    package var seconds: Double
    package var operations: [OperationRecord]
    /// The length of a slice of an operation's response times: so many that there are at most `slicesMax`.
    package var sliceSeconds: Int
    package var shards: [ShardRecord]
    /// By planned time, from the begin of the measured time on: as `WindowSeries` has them.
    package var windows: [WindowRecord]
    /// The length of a window; the last one may be shorter.
    package var windowSeconds: Int
    package var agents: [AgentRecord]
    package var events: [EventRecord]
    /// The longest time without an `ok` answer, microseconds from the begin of the measured time.
    package var longestGap: GapRecord?
    package var ledger: LedgerVerdict?
    package var answers: AnswerVerdict?
    /// Why the run is invalid; empty: it is valid.
    package var invalid: [String]
    /// Why it ended before its time.
    package var aborted: String?

    package init(scenario: Scenario, environment: RunEnvironment, startedAtMicroseconds: Int64) {
        self.scenario = scenario
        self.environment = environment
        self.startedAtMicroseconds = startedAtMicroseconds
        seconds = 0
        operations = scenario.operations.map { OperationRecord(name: $0.name) }
        sliceSeconds = max(1, Int((min(scenario.seconds, Scenario.secondsMax) / Double(Self.slicesMax)).rounded(.up)))
        shards = []
        windows = []
        windowSeconds = 1
        agents = []
        events = []
        invalid = []
    }
}

/// Where and against what it ran.
package struct RunEnvironment: Sendable, Codable, Equatable {
    package var target: String
    package var processor: String
    package var cores: Int
    package var kernel: String
    /// Of the generator.
    package var commit: String
    package var versionText: String

    package init(target: String, processor: String, cores: Int, kernel: String, commit: String, versionText: String) {
        self.target = target
        self.processor = processor
        self.cores = cores
        self.kernel = kernel
        self.commit = commit
        self.versionText = versionText
    }
}

/// One operation of the scenario, in its order.
package struct OperationRecord: Sendable, Codable {
    package var name: String
    package var planned = 0
    package var overflow = 0
    package var outcomes = OutcomeCounts()
    package var statuses: [Int: Int] = [:]
    /// Of every request that got an answer, from its planned time. Microseconds, as all histograms here.
    package var response = TimeHistogram()
    package var service = TimeHistogram()
    /// Of every request that was sent, or not sent because too many were in flight.
    package var slip = TimeHistogram()
    /// The response times again, by planned time in slices of `RunRecord.sliceSeconds`: how they change over the run, which is what a comparison
    /// of two runs needs. Coarse; as many as have begun; empty when they were not kept.
    package var slices: [TimeHistogram] = []
    /// Of the requests that found no free stream at their time: how long they waited for one. No part of slip: response = slip + waited + service.
    package var waited = TimeHistogram()
    /// Of body bytes received.
    package var bytes = 0

    package init(name: String) { self.name = name }
}

/// The requests about affiliates of one shard.
package struct ShardRecord: Sendable, Codable {
    package var shard: Int
    package var outcomes = OutcomeCounts()
    package var response = TimeHistogram(.coarse)

    package init(shard: Int) { self.shard = shard }
}

/// What was planned in some time, a second mostly.
package struct WindowRecord: Sendable, Codable {
    package var planned = 0
    package var overflow = 0
    package var outcomes = OutcomeCounts()
    /// Answers that came in this time, whenever they were planned.
    package var answered = 0
    package var response = TimeHistogram(.coarse)
    package var slipMaxMicroseconds: UInt64 = 0
    /// The most that were in flight at once.
    package var inFlightMax = 0

    package init() {}
}

/// One generator of the load.
package struct AgentRecord: Sendable, Codable {
    package var name: String
    /// The sending thread's share of one core in the measured time.
    package var cpuShare: Double
    package var sent: Int
    package var connectionsLost: Int
    package var goAways: Int
    /// Nil: an older version's record.
    package var host: GeneratorHost?
    /// Slip below which 99 of 100 of its requests stayed; nil before its end.
    package var slipP99Microseconds: UInt64?
    /// By how much its begin may have been another moment than the controller's; nil: it was alone.
    package var clockErrorMicroseconds: Double?

    package init(
        name: String, cpuShare: Double, sent: Int, connectionsLost: Int, goAways: Int, host: GeneratorHost? = nil
    ) {
        self.name = name
        self.cpuShare = cpuShare
        self.sent = sent
        self.connectionsLost = connectionsLost
        self.goAways = goAways
        self.host = host
    }
}

/// What a generator runs on.
package struct GeneratorHost: Sendable, Codable, Equatable {
    package var processor: String
    package var cores: Int
    package var kernel: String

    package init(processor: String, cores: Int, kernel: String) {
        self.processor = processor
        self.cores = cores
        self.kernel = kernel
    }

    package init(_ environment: RunEnvironment) {
        self.init(processor: environment.processor, cores: environment.cores, kernel: environment.kernel)
    }
}

package struct EventRecord: Sendable, Codable, Equatable {
    package var atSeconds: Double
    package var label: String
    /// How its command ended; nil: it was a mark, or still runs.
    package var exitStatus: Int?
    package var tookSeconds: Double?

    package init(atSeconds: Double, label: String, exitStatus: Int? = nil, tookSeconds: Double? = nil) {
        self.atSeconds = atSeconds
        self.label = label
        self.exitStatus = exitStatus
        self.tookSeconds = tookSeconds
    }
}

package struct GapRecord: Sendable, Codable, Equatable {
    package var fromSeconds: Double
    package var seconds: Double

    package init(fromSeconds: Double, seconds: Double) {
        self.fromSeconds = fromSeconds
        self.seconds = seconds
    }
}

/// What PostgreSQL holds of the transactions that were sent.
package struct LedgerVerdict: Sendable, Codable, Equatable {
    package var accepted = 0
    /// Answered 201 or 200, and not there.
    package var lost = 0
    /// There more than once, or paid more than once.
    package var doubled = 0
    /// Other facts than were sent, entries or totals other than the oracle's.
    package var wrong = 0
    /// No answer, and there: neither good nor bad.
    package var unanswered = 0
    /// Nil: checked.
    package var unchecked: String?
    package var examples: [String] = []

    package init() {}
}

/// Sampled answers against recursive SQL.
package struct AnswerVerdict: Sendable, Codable, Equatable {
    package var compared = 0
    package var wrong = 0
    /// Not compared: something changed while it was asked.
    package var skipped = 0
    package var examples: [String] = []

    package init() {}
}
