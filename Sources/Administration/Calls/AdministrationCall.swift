import Placement
import Store

/// One thing that an operator may ask for over HTTP. Both sides use it: it becomes a request (`method`, `target`, `body`), and a request becomes it.
package enum AdministrationCall: Equatable, Sendable {
    case health
    case workers
    case setStanding(worker: String, WorkerStanding, StandingRequest)
    case gateways
    case shards(worker: String?)
    case shard(Int)
    case plan(PlanRequest)
    case plans(limit: Int)
    case planNumber(Int64)
    case currentPlan
    case apply(Int64, RebalanceThrottles)
    case steer(Int64, RebalanceAction, reason: String?)

    /// The first parts of every path.
    static let root = ["admin", "v1"]
    /// Plans in one answer, where the asker does not say.
    package static let limitDefault = 20

    /// Whether it may change something.
    package var isChange: Bool {
        switch self {
        case .setStanding, .plan, .apply, .steer: true
        case .health, .workers, .gateways, .shards, .shard, .plans, .planNumber, .currentPlan: false
        }
    }

    // MARK: As a request

    package var method: String { isChange ? "POST" : "GET" }

    package var target: String {
        let parts: [String]
        var query = ""
        switch self {
        case .health: parts = ["health"]
        case .workers: parts = ["workers"]
        case .setStanding(let worker, let standing, _): parts = ["workers", worker, Self.verb(of: standing)]
        case .gateways: parts = ["gateways"]
        case .shards(let worker):
            parts = ["shards"]
            if let worker { query = "?worker=" + CallTarget.escaped(worker) }
        case .shard(let number): parts = ["shards", String(number)]
        case .plan: parts = ["rebalance", "plans"]
        case .plans(let limit):
            parts = ["rebalance", "plans"]
            query = "?limit=\(limit)"
        case .planNumber(let number): parts = ["rebalance", "plans", String(number)]
        case .currentPlan: parts = ["rebalance", "current"]
        case .apply(let number, _): parts = ["rebalance", "plans", String(number), "apply"]
        case .steer(let number, let action, _): parts = ["rebalance", "plans", String(number), action.rawValue]
        }
        return "/" + (Self.root + parts).map(CallTarget.escaped).joined(separator: "/") + query
    }

    /// Nil for what has none.
    package var body: CallBody? {
        switch self {
        case .health, .workers, .gateways, .shards, .shard, .plans, .planNumber, .currentPlan: nil
        case .setStanding(_, _, let request):
            CallBody(["reason": request.reason.map { .text($0) }, "dry_run": request.isDryRun ? .truth(true) : nil])
        case .plan(let request):
            CallBody([
                "weight": .text(request.weight.rawValue), "threshold": .number(request.limits.threshold),
                "max_moves": request.limits.movesMax.map { .number(Int64($0)) },
                "drain": request.drain.isEmpty ? nil : .texts(request.drain), "dry_run": request.isDryRun ? .truth(true) : nil,
            ])
        case .apply(_, let throttles):
            CallBody([
                "moves_at_once": .number(throttles.movesAtOnce), "per_source": .number(throttles.movesPerSource),
                "per_target": .number(throttles.movesPerTarget), "lag": .number(throttles.lagChangesMax),
                "hold_ms": .number(throttles.holdMillisecondsMax),
                "max_p99_ms": throttles.p99MicrosecondsMax.map { .number($0 / 1_000) },
            ])
        case .steer(_, _, let reason): CallBody(["reason": reason.map { .text($0) }])
        }
    }

    static func verb(of standing: WorkerStanding) -> String {
        switch standing {
        case .open: "uncordon"
        case .cordoned: "cordon"
        case .draining: "drain"
        }
    }
}
