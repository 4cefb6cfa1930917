import Placement
import Store

/// What operators do to a cluster, wherever it is done: by PostgreSQL, or by a coordinator over HTTP. Every call throws `AdministrationFault`
/// for what cannot be, and what its way there throws.
package protocol AdministrationPort {
    func health() throws -> HealthDocument
    func workers() throws -> WorkerListDocument
    /// - Parameter worker: its name, or the number of its instance.
    func setStanding(of worker: String, to standing: WorkerStanding, _ request: StandingRequest) throws -> WorkerStandingDocument
    func gateways() throws -> GatewayListDocument
    /// - Parameter worker: only those of this one; nil: all.
    func shards(of worker: String?) throws -> ShardListDocument
    func shard(_ number: Int) throws -> ShardDocument
    /// Plans, and keeps the plan unless it is a dry run.
    func plan(_ request: PlanRequest) throws -> RebalanceDocument
    /// The newest first.
    func plans(limit: Int) throws -> PlanListDocument
    func plan(number: Int64) throws -> RebalanceDocument
    /// The plan that is under way, or else the newest.
    func currentPlan() throws -> RebalanceDocument
    /// Has a plan carried out. One that is already is left as it is, and a remark says so.
    func apply(_ number: Int64, _ throttles: RebalanceThrottles) throws -> RebalanceDocument
    func steer(_ number: Int64, _ action: RebalanceAction, reason: String?) throws -> RebalanceDocument
}

/// How a worker is to stand.
package struct StandingRequest: Equatable, Sendable {
    /// Why; everybody sees it who looks at the workers.
    package var reason: String?
    /// Say what would be done, and change nothing.
    package var isDryRun: Bool

    /// A reason has so many bytes at most.
    package static let reasonBytesMax = 1_000

    package init(reason: String? = nil, isDryRun: Bool = false) {
        self.reason = reason
        self.isDryRun = isDryRun
    }
}

/// What a plan is asked for.
package struct PlanRequest: Equatable, Sendable {
    package var weight: ShardWeightKind
    package var limits: RebalanceLimits
    /// Workers, by name or instance, that are planned for as if they were draining.
    package var drain: [String]
    /// Do not keep the plan.
    package var isDryRun: Bool

    /// Workers that one plan may empty.
    package static let drainMax = 256

    package init(
        weight: ShardWeightKind = .affiliates, limits: RebalanceLimits = RebalanceLimits(), drain: [String] = [],
        isDryRun: Bool = false
    ) {
        self.weight = weight
        self.limits = limits
        self.drain = drain
        self.isDryRun = isDryRun
    }
}

/// What throttles may be set to.
package enum RebalanceThrottleRanges {
    /// Hand-offs at once.
    package static let moves: ClosedRange<Int64> = 1...256
    /// Changes.
    package static let lag: ClosedRange<Int64> = 0...1_000_000
    /// Milliseconds. Writes of a shard never wait longer.
    package static let hold: ClosedRange<Int64> = 10...1_000
    /// Milliseconds.
    package static let p99: ClosedRange<Int64> = 1...60_000
}
