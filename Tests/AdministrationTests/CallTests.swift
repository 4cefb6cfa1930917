import Placement
import Store
import Testing

@testable import Administration

/// A call as a request, read again.
private func again(_ call: AdministrationCall) throws -> AdministrationCall {
    try AdministrationCall(method: call.method, target: call.target, body: call.body?.bytes ?? [])
}

/// Why a request is none of the calls; nil: it is one.
private func complaint(_ method: String, _ target: String, _ body: String = "") -> AdministrationFault.Code? {
    do throws(AdministrationFault) {
        _ = try AdministrationCall(method: method, target: "/admin/v1/" + target, body: Array(body.utf8))
        return nil
    } catch { return error.code }
}

@Suite("Operators' calls as requests")
struct CallTests {
    @Test("every call is read from the request that it becomes")
    func roundTrip() throws {
        var throttles = RebalanceThrottles()
        throttles.movesAtOnce = 9
        throttles.movesPerSource = 8
        throttles.movesPerTarget = 7
        throttles.lagChangesMax = 0
        throttles.holdMillisecondsMax = 10
        throttles.p99MicrosecondsMax = 4_000
        let reason = "the \"machine\" goes; 100 % sûr \\ \u{1F600}"
        let calls: [AdministrationCall] = [
            .health, .workers, .gateways, .shards(worker: nil), .shards(worker: "w 1/ü?&=%"), .shard(0), .shard(255),
            .setStanding(worker: "w/1 ?ü", .cordoned, StandingRequest(reason: reason)),
            .setStanding(worker: "..", .draining, StandingRequest(isDryRun: true)),
            .setStanding(worker: "2", .open, StandingRequest()), .plan(PlanRequest()),
            .plan(
                PlanRequest(
                    weight: .traffic, limits: RebalanceLimits(threshold: 0, movesMax: 256), drain: ["w2", "w 3"], isDryRun: true)),
            .plans(limit: 1), .plans(limit: 1_000), .planNumber(.max), .currentPlan, .apply(7, RebalanceThrottles()),
            .apply(7, throttles), .steer(7, .pause, reason: nil), .steer(7, .resume, reason: reason),
            .steer(1, .abort, reason: ""),
        ]
        for call in calls { #expect(try again(call) == call, "\(call.method) \(call.target)") }
    }

    @Test("a body may be left out, and its members stand in any order; null is not there")
    func defaults() throws {
        let plan = try AdministrationCall(method: "POST", target: "/admin/v1/rebalance/plans", body: [])
        #expect(plan == .plan(PlanRequest()))
        let body = " { \"dry_run\" : null , \"drain\":[], \"threshold\":20, \"weight\":\"jobs\"} "
        let given = try AdministrationCall(method: "POST", target: "/admin/v1/rebalance/plans", body: Array(body.utf8))
        #expect(given == .plan(PlanRequest(weight: .jobs, limits: RebalanceLimits(threshold: 20))))
        let list = try AdministrationCall(method: "GET", target: "/admin/v1/rebalance/plans", body: [])
        #expect(list == .plans(limit: 20))
    }

    @Test(
        "what is no resource, no method of it, or has parameters that nobody knows is refused",
        arguments: [
            ("GET", "", AdministrationFault.Code.notFound), ("GET", "nothing", .notFound), ("GET", "workers/", .notFound),
            ("GET", "workers/w1", .notFound), ("POST", "workers/w1/kill", .notFound), ("GET", "rebalance", .notFound),
            ("GET", "rebalance/plans/1/2/3", .notFound), ("POST", "rebalance/plans/1/explode", .notFound),
            ("POST", "workers", .methodNotAllowed), ("HEAD", "workers", .methodNotAllowed),
            ("PUT", "shards/1", .methodNotAllowed),
            ("GET", "workers/w1/cordon", .methodNotAllowed), ("DELETE", "rebalance/plans", .methodNotAllowed),
            ("GET", "workers?x=1", .malformedRequest), ("GET", "rebalance/plans?limit=1&limit=2", .malformedRequest),
            ("GET", "rebalance/plans?limit=x", .malformedRequest), ("GET", "rebalance/plans?limit", .malformedRequest),
            ("GET", "rebalance/plans?limit=0", .invalidField), ("GET", "rebalance/plans?limit=1001", .invalidField),
            ("GET", "rebalance/plans?limit=99999999999999999999", .malformedRequest),
            ("POST", "rebalance/plans?dry_run=1", .malformedRequest), ("GET", "shards/256", .unknownShard),
            ("GET", "shards/-1", .unknownShard), ("GET", "shards/1e2", .unknownShard), ("GET", "shards/", .unknownShard),
            ("GET", "rebalance/plans/0", .unknownPlan), ("GET", "rebalance/plans/x", .unknownPlan),
            ("POST", "rebalance/plans/9223372036854775808/apply", .unknownPlan), ("GET", "shards?worker=", .unknownWorker),
            ("GET", "shards?worker=%00", .unknownWorker), ("POST", "workers/%1b/drain", .unknownWorker),
            ("GET", "shards?worker=%zz", .malformedRequest), ("GET", "shards?worker=%f", .malformedRequest),
            ("GET", "shards?worker=%ff", .malformedRequest),
        ])
    func refusedTargets(method: String, target: String, code: AdministrationFault.Code) {
        #expect(complaint(method, target) == code, "\(method) \(target)")
    }

    @Test("paths outside /admin/v1 are nowhere, and what is no path is malformed")
    func otherPaths() {
        for (target, code) in [
            ("/", AdministrationFault.Code.notFound), ("/admin/v2/workers", .notFound), ("/admin/v1", .notFound),
            ("workers", .malformedRequest), ("*", .malformedRequest), ("http://x/admin/v1/workers", .malformedRequest),
        ] {
            let error = #expect(throws: AdministrationFault.self) {
                try AdministrationCall(method: "GET", target: target, body: [])
            }
            #expect(error?.code == code, "\(target)")
        }
    }

    @Test(
        "bodies that are not strict JSON, not an object of what is known, or out of range are refused",
        arguments: [
            ("{", AdministrationFault.Code.malformedRequest), ("[]", .malformedRequest), ("{}x", .malformedRequest),
            ("{\"dry_run\":1}", .malformedRequest), ("{\"dry_run\":true,\"dry_run\":true}", .malformedRequest),
            ("{\"force\":true}", .malformedRequest), ("{\"reason\":\"x\"}", .malformedRequest),
            ("{\"drain\":\"w1\"}", .malformedRequest), ("{\"drain\":[1]}", .malformedRequest),
            ("{\"drain\":{}}", .malformedRequest), ("{\"threshold\":1.5}", .malformedRequest),
            ("{\"threshold\":99999999999999999999}", .malformedRequest), ("{\"threshold\":-1}", .invalidField),
            ("{\"threshold\":100001}", .invalidField), ("{\"max_moves\":0}", .invalidField),
            ("{\"weight\":\"gold\"}", .invalidField),
            ("{\"drain\":[\"\"]}", .unknownWorker), ("{\"drain\":[\"a\\u0000\"]}", .unknownWorker),
        ])
    func refusedBodies(body: String, code: AdministrationFault.Code) {
        #expect(complaint("POST", "rebalance/plans", body) == code, "\(body)")
    }

    @Test("throttles and reasons keep their ranges")
    func ranges() {
        for body in [
            "{\"moves_at_once\":0}", "{\"per_source\":257}", "{\"per_target\":0}", "{\"lag\":1000001}", "{\"hold_ms\":9}",
            "{\"hold_ms\":1001}", "{\"max_p99_ms\":60001}",
        ] { #expect(complaint("POST", "rebalance/plans/1/apply", body) == .invalidField, "\(body)") }
        #expect(complaint("POST", "rebalance/plans/1/apply", "{\"max_p99_ms\":null,\"hold_ms\":10}") == nil)
        for reason in ["a\\u0000b", "a\\u001b[2Jb", "\\n", String(repeating: "a", count: 1_001)] {
            #expect(complaint("POST", "workers/w1/cordon", "{\"reason\":\"\(reason)\"}") == .invalidField)
        }
        #expect(complaint("GET", "workers", "{}") == .malformedRequest)
        let many = (0..<17).map { "\"m\($0)\":1" }.joined(separator: ",")
        #expect(complaint("POST", "rebalance/plans", "{\(many)}") == .malformedRequest)
    }

    @Test("bytes of any kind are read to a call or a fault")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "{", "}", "[", "]", "\"drain\"", ":", ",", "\"w\"", "1", "-", "true", "null", "\\u00", "\u{7f}", " ", "\"", "dry_run",
        ]
        for _ in 0..<20_000 {
            let body = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                .joined()
            var bytes = Array(body.utf8)
            if Bool.random(using: &random) { bytes.append(UInt8.random(in: 0...255, using: &random)) }
            let target = String(decoding: bytes, as: UTF8.self)
            _ = try? AdministrationCall(method: "POST", target: "/admin/v1/rebalance/plans", body: bytes)
            _ = try? AdministrationCall(method: "GET", target: "/admin/v1/shards?worker=" + target, body: [])
        }
    }
}
