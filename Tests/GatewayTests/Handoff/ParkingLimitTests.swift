import Core
import Frames
import Ownership
import Synchronization
import Testing

@testable import Gateway

private let read = "/api/v2/affiliates/5"

/// A worker that is to have everything in a moment, until it is told that it has.
private final class Awaited: Sendable {
    let isThere = Mutex(false)
    func start() async throws -> FakeWorker {
        try await FakeWorker.startForQuestions(1) { [self] _, _ in isThere.withLock { $0 } ? .body("{}") : .notYet }
    }
}

/// However long it takes here to send so much.
private let patient = {
    var limits = ParkedRequests.Limits()
    limits.parkedMax = 60_000_000_000
    limits.pauseMin = 300_000_000
    limits.pauseMax = 300_000_000
    return limits
}()

@Suite("What a gateway keeps for a shard's new owner", .timeLimit(.minutes(1)))
struct ParkingLimitTests {
    @Test("at most 4,096 requests; one more is refused, and all that were kept are answered")
    func count() async throws {
        let awaited = Awaited()
        let worker = try await awaited.start()
        let gateway = try await TestGateway([(worker, 0..<256)], deadlineMilliseconds: 60_000, slots: 5000)
        _ = try await gateway.read { $0.parked = ParkedRequests(limits: patient) }
        let limit = patient.requestsMax
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<limit { group.addTask { try await gateway.send("GET", read).status } }
            try await gateway.until { $0.parked.count + Int($0.metrics.parkedExpired) >= limit }
            let refused = try await gateway.send("GET", read)
            #expect(refused.status == 503 && refused.body.contains("shard-unavailable"))
            awaited.isThere.withLock { $0 = true }
            var statuses: [Int: Int] = [:]
            for try await status in group { statuses[status, default: 0] += 1 }
            #expect(statuses == [200: limit])
        }
        let left = try await gateway.read { [$0.parked.count, $0.parked.bytes, $0.slab.liveCount] }
        #expect(left == [0, 0, 0])
        #expect(try await gateway.read { $0.parked.isForgotten })
        try await gateway.stop()
        try await worker.stop()
    }

    @Test("at most 16 MiB")
    func bytes() async throws {
        let awaited = Awaited()
        let worker = try await awaited.start()
        let gateway = try await TestGateway([(worker, 0..<256)], deadlineMilliseconds: 60_000, slots: 200)
        _ = try await gateway.read { $0.parked = ParkedRequests(limits: patient) }
        let change = "{\"status\":\"suspended\"}"
        let body = change + String(repeating: " ", count: ChangeBodies.bytesMax - change.utf8.count)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<150 { group.addTask { try await gateway.send("PATCH", read, body).status } }
            try await gateway.until { $0.metrics.parkedExpired > 0 && $0.parked.count > 100 }
            #expect(try await gateway.read { $0.parked.bytes } <= 16 << 20)
            awaited.isThere.withLock { $0 = true }
            var statuses: [Int: Int] = [:]
            for try await status in group { statuses[status, default: 0] += 1 }
            #expect(Set(statuses.keys) == [200, 503] && statuses[200, default: 0] > 100)
        }
        #expect(try await gateway.read { [$0.parked.count, $0.parked.bytes] } == [0, 0])
        try await gateway.stop()
        try await worker.stop()
    }

    @Test("each for 2 s at most, or to its own deadline: 503 then, for a write too, since nobody has begun it")
    func time() async throws {
        let worker = try await Awaited().start()
        for (deadline, isAtLeast) in [(20_000, Duration.seconds(2)), (200, .milliseconds(150))] {
            let gateway = try await TestGateway([(worker, 0..<256)], deadlineMilliseconds: deadline)
            let start = ContinuousClock.now
            async let reading = gateway.send("GET", read)
            async let writing = gateway.send("PATCH", read, "{\"status\":\"suspended\"}")
            for answer in try await [reading, writing] {
                #expect(answer.status == 503 && answer.body.contains("shard-unavailable"), "\(answer.body)")
            }
            #expect(ContinuousClock.now - start >= isAtLeast && ContinuousClock.now - start < .seconds(15))
            let left = try await gateway.read { [$0.parked.count, $0.slab.liveCount, Int($0.metrics.parkedExpired)] }
            #expect(left == [0, 0, 2])
            #expect(try await gateway.read { $0.parked.isForgotten })
            try await gateway.stop()
        }
        try await worker.stop()
    }

    @Test("what a caller has left behind is forgotten like everything else, and no timer runs when nothing is kept")
    func abandoned() async throws {
        let awaited = Awaited()
        let worker = try await awaited.start()
        let gateway = try await TestGateway([(worker, 0..<256)])
        for _ in 0..<3 { try await gateway.abandon("GET", read) }
        try await gateway.until { $0.parked.count == 3 }
        awaited.isThere.withLock { $0 = true }
        try await gateway.until { $0.parked.count == 0 && $0.slab.liveCount == 0 && !$0.isRetryScheduled }
        #expect(try await gateway.read { $0.parked.isForgotten })
        #expect(try await gateway.read { $0.metrics.abandonedRequests } == 3)
        try await gateway.stop()
        try await worker.stop()
    }

    @Test("a connection that breaks answers what was on its way over it, and keeps what is parked for another try")
    func brokenLink() async throws {
        let first = try await FakeWorker.startForQuestions(1) { _, earlier in earlier == 0 ? .notYet : .close }
        let second = try await FakeWorker.startForQuestions(2) { _, _ in .body("{}") }
        let gateway = try await TestGateway([(first, 0..<128), (second, 128..<256)])
        // The second question breaks the connection: 503 at once, as for any worker that is lost.
        let answer = try await gateway.send("GET", read)
        #expect(answer.status == 503 && answer.body.contains("shard-unavailable"))
        #expect(try await gateway.send("GET", "/api/v2/affiliates/200").status == 200)
        #expect(try await gateway.read { [$0.parked.count, $0.slab.liveCount] } == [0, 0])
        try await gateway.stop()
        try await first.stop()
        try await second.stop()
    }
}
