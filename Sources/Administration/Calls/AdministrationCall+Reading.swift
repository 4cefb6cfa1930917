import Core
import Placement
import Store

extension AdministrationCall {
    private static let workerBytesMax = 255

    /// The call that a request is.
    /// - Throws: `notFound`, `methodNotAllowed`, `malformedRequest`, `unknownShard`, `invalidField`.
    package init(method: String, target text: String, body bytes: [UInt8]) throws(AdministrationFault) {
        var target = try CallTarget(text)
        guard target.path.count > Self.root.count, Array(target.path.prefix(Self.root.count)) == Self.root else {
            throw Self.notFound(text)
        }
        let path = Array(target.path.dropFirst(Self.root.count))
        let methods = Self.methods(of: path)
        guard !methods.isEmpty else { throw Self.notFound(text) }
        guard methods.contains(method) else {
            let allowed = methods.joined(separator: ", ")
            throw AdministrationFault(.methodNotAllowed, "it answers \(allowed)", allowedMethods: allowed)
        }
        if method == "POST" {
            try target.end()
            var members = CallMembers(try CallBody(bytes))
            self = try Self.change(path, &members)
            try members.end()
        } else {
            guard bytes.isEmpty else { throw AdministrationFault(.malformedRequest, "a GET has no body") }
            self = try Self.question(path, &target)
            try target.end()
        }
    }

    /// What a resource answers; empty: there is none.
    private static func methods(of path: [String]) -> [String] {
        switch path {
        case ["health"], ["workers"], ["gateways"], ["shards"], ["rebalance", "current"]: ["GET"]
        case ["rebalance", "plans"]: ["GET", "POST"]
        case let path where path.count == 2 && path[0] == "shards": ["GET"]
        case let path where path.count == 3 && path[0] == "rebalance" && path[1] == "plans": ["GET"]
        case let path where path.count == 3 && path[0] == "workers" && standing(path[2]) != nil: ["POST"]
        case let path where path.count == 4 && path[0] == "rebalance" && path[1] == "plans":
            path[3] == "apply" || RebalanceAction(rawValue: path[3]) != nil ? ["POST"] : []
        default: []
        }
    }

    private static func question(_ path: [String], _ target: inout CallTarget) throws(AdministrationFault) -> Self {
        switch path[0] {
        case "health": return .health
        case "workers": return .workers
        case "gateways": return .gateways
        case "shards" where path.count == 1:
            guard let name = target.parameter("worker") else { return .shards(worker: nil) }
            return .shards(worker: try worker(name))
        case "shards":
            guard let number = number(path[1]), (0..<Int64(ShardID.count)).contains(number) else {
                throw AdministrationFault(
                    .unknownShard, "there is no shard \(CallWords.shown(path[1])); give 0 to \(ShardID.count - 1)")
            }
            return .shard(Int(number))
        default: break
        }
        if path[1] == "current" { return .currentPlan }
        if path.count == 3 { return .planNumber(try planNumber(path[2])) }
        guard let text = target.parameter("limit") else { return .plans(limit: limitDefault) }
        guard let limit = number(text) else { throw AdministrationFault(.malformedRequest, "`limit` has to be a number") }
        guard (1...Int64(RebalancePlans.readMax)).contains(limit) else {
            throw AdministrationFault(.invalidField, "`limit` \(limit): give 1 to \(RebalancePlans.readMax)")
        }
        return .plans(limit: Int(limit))
    }

    private static func change(_ path: [String], _ members: inout CallMembers) throws(AdministrationFault) -> Self {
        if path[0] == "workers" {
            let name = try worker(path[1])
            let request = StandingRequest(reason: try members.reason(), isDryRun: try members.truth("dry_run") ?? false)
            return .setStanding(worker: name, standing(path[2]) ?? .open, request)
        }
        if path.count == 2 { return .plan(try planRequest(&members)) }
        let number = try planNumber(path[2])
        guard let action = RebalanceAction(rawValue: path[3]) else { return .apply(number, try throttles(&members)) }
        return .steer(number, action, reason: try members.reason())
    }

    private static func planRequest(_ members: inout CallMembers) throws(AdministrationFault) -> PlanRequest {
        var request = PlanRequest()
        if let text = try members.text("weight") {
            guard let weight = ShardWeightKind(rawValue: text) else {
                let known = ShardWeightKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdministrationFault(.invalidField, "`weight` is not one of \(known)")
            }
            request.weight = weight
        }
        if let threshold = try members.number("threshold", in: 0...RebalanceLimits.thresholdMax) {
            request.limits.threshold = threshold
        }
        request.limits.movesMax = try members.number("max_moves", in: 1...Int64(ShardID.count)).map { Int($0) }
        let drain = try members.texts("drain") ?? []
        guard drain.count <= PlanRequest.drainMax else {
            throw AdministrationFault(.invalidField, "`drain` names more than \(PlanRequest.drainMax) workers")
        }
        for name in drain { request.drain.append(try worker(name)) }
        request.isDryRun = try members.truth("dry_run") ?? false
        return request
    }

    private static func throttles(_ members: inout CallMembers) throws(AdministrationFault) -> RebalanceThrottles {
        var throttles = RebalanceThrottles()
        let moves = RebalanceThrottleRanges.moves
        throttles.movesAtOnce = try members.number("moves_at_once", in: moves) ?? throttles.movesAtOnce
        throttles.movesPerSource = try members.number("per_source", in: moves) ?? throttles.movesPerSource
        throttles.movesPerTarget = try members.number("per_target", in: moves) ?? throttles.movesPerTarget
        throttles.lagChangesMax = try members.number("lag", in: RebalanceThrottleRanges.lag) ?? throttles.lagChangesMax
        throttles.holdMillisecondsMax =
            try members.number("hold_ms", in: RebalanceThrottleRanges.hold) ?? throttles.holdMillisecondsMax
        throttles.p99MicrosecondsMax = try members.number("max_p99_ms", in: RebalanceThrottleRanges.p99).map { $0 * 1_000 }
        return throttles
    }

    private static func standing(_ verb: String) -> WorkerStanding? {
        WorkerStanding.allCases.first { self.verb(of: $0) == verb }
    }

    private static func worker(_ name: String) throws(AdministrationFault) -> String {
        guard !name.isEmpty, name.utf8.count <= workerBytesMax, CallWords.isPlain(name) else {
            throw AdministrationFault(.unknownWorker, "there is no worker `\(CallWords.shown(name))`; see `fature worker ls`")
        }
        return name
    }

    private static func planNumber(_ text: String) throws(AdministrationFault) -> Int64 {
        guard let number = number(text), number > 0 else {
            throw AdministrationFault(
                .unknownPlan, "there is no plan \(CallWords.shown(text)); `fature rebalance ls` shows those that are kept")
        }
        return number
    }

    /// Digits alone.
    private static func number(_ text: String) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text)
    }

    private static func notFound(_ target: String) -> AdministrationFault {
        AdministrationFault(
            .notFound, "there is nothing at \(CallWords.shown(target)); docs/design/administration.md lists what there is")
    }
}
