import Core
import Foundation
import Frames
import Testing

@testable import Gateway

private struct Readiness: Decodable, Equatable {
    var ready: Bool
    var shards_served: Int
    var shards_reachable: Int
    var shards_missing: [Int]
    var workers_unreachable: [String]
}

@Suite("What a gateway says when a part of the cluster is not there", .timeLimit(.minutes(1)))
struct ReadinessTests {
    /// Two workers with half of the shards each, the second of which does not answer as one that is well.
    private func ask(
        _ second: FakeWorker.Reply, first: Range<Int> = 0..<128, deadlineMilliseconds: Int = 20_000, isGone: Bool = false
    ) async throws -> Readiness {
        let one = try await FakeWorker.startForQuestions(1) { _, _ in .part(first) }
        let two = try await FakeWorker.startForQuestions(2) { _, _ in second }
        let gateway = try await TestGateway([(one, 0..<128), (two, 128..<256)], deadlineMilliseconds: deadlineMilliseconds)
        if isGone {
            try await two.stop()
            try await gateway.until { $0.link(to: WorkerInstanceID(2))?.isConnected == false }
        }
        let answer = try await gateway.send("GET", "/ready")
        #expect(answer.status == 503)
        #expect(try await gateway.read { [$0.gatherings.count, $0.slab.liveCount] } == [0, 0])
        #expect(try await gateway.read { loop in loop.ownerLinks.allSatisfy { $0.inFlightCount == 0 } })
        try await gateway.stop()
        try await one.stop()
        if !isGone { try await two.stop() }
        return try JSONDecoder().decode(Readiness.self, from: Data(answer.body.utf8))
    }

    private func half(reachable: Int, unreachable: [String]) -> Readiness {
        Readiness(
            ready: false, shards_served: 128, shards_reachable: reachable, shards_missing: Array(128..<256),
            workers_unreachable: unreachable)
    }

    @Test("a worker that cannot be reached: the shards of the others are served, and it is named")
    func unreachable() async throws {
        #expect(try await ask(.silence, isGone: true) == half(reachable: 128, unreachable: ["w2"]))
    }

    @Test("a dead worker's shards are another's already, and requests for them would still go to the dead one")
    func takenOver() async throws {
        let answer = try await ask(.silence, first: 0..<256, isGone: true)
        #expect(
            answer
                == Readiness(
                    ready: false, shards_served: 256, shards_reachable: 128, shards_missing: [], workers_unreachable: ["w2"]))
    }

    @Test("a shard that two workers claim, as often as they are asked")
    func claimedTwice() async throws {
        let answer = try await ask(.part(127..<256))
        #expect(!answer.ready && answer.shards_served == 256 && answer.workers_unreachable.isEmpty)
    }

    @Test("a worker whose connection is lost before it has answered")
    func lost() async throws {
        #expect(try await ask(.close) == half(reachable: 128, unreachable: ["w2"]))
    }

    @Test("a worker that does not answer in time, as one that is stopped")
    func silent() async throws {
        #expect(try await ask(.silence, deadlineMilliseconds: 150) == half(reachable: 256, unreachable: []))
    }

    @Test("a worker that cannot answer")
    func troubled() async throws {
        #expect(try await ask(.problem(.loading)) == half(reachable: 256, unreachable: []))
    }

    @Test("an owner that nobody knows how to reach, and shards without an owner")
    func nobody() async throws {
        let one = try await FakeWorker.startForQuestions(1) { _, _ in .part(0..<255) }
        let gateway = try await TestGateway([(one, 0..<255)])
        let answer = try await gateway.send("GET", "/ready")
        let readiness = try JSONDecoder().decode(Readiness.self, from: Data(answer.body.utf8))
        #expect(answer.status == 503 && one.questions.count == 1)
        #expect(
            readiness
                == Readiness(
                    ready: false, shards_served: 255, shards_reachable: 255, shards_missing: [255], workers_unreachable: []))
        try await gateway.stop()
        try await one.stop()
    }

    @Test("an owner that is only now connected to and never answers the connection is not waited for beyond a bound")
    func connecting() async throws {
        let one = try await FakeWorker.startForQuestions(1) { _, _ in .part(0..<128) }
        let gateway = try await TestGateway([(one, 0..<128)])
        var map = TestGateway.map([(one, 0..<128)], version: 1)
        // 192.0.2.0/24 is nobody's: either nobody answers, or there is no way there.
        for shard in 128..<256 {
            map.owners[shard] = ClusterMap.Owner(instance: WorkerInstanceID(2), name: "w2", host: "192.0.2.1", port: 1)
            map.epochs[shard] = Epoch(2)
        }
        let newer = map
        let answer = try await gateway.send("GET", "/ready", after: { $0.apply(newer) })
        let readiness = try JSONDecoder().decode(Readiness.self, from: Data(answer.body.utf8))
        #expect(answer.status == 503)
        #expect(readiness == half(reachable: 128, unreachable: ["w2"]))
        try await gateway.stop()
        try await one.stop()
    }
}
