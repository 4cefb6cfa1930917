import Core
import Frames
import Testing

@testable import Gateway

/// Asks two workers, of which the n-th answers with its n-th part, and each later time with the last.
private func ask(
    _ target: String, _ first: [FakeWorker.Reply], _ second: [FakeWorker.Reply],
    _ check: (TestGateway, FakeWorker, FakeWorker, TestGateway.Answer) async throws -> Void
) async throws {
    let one = try await FakeWorker.startForQuestions(1) { _, earlier in first[min(earlier, first.count - 1)] }
    let two = try await FakeWorker.startForQuestions(2) { _, earlier in second[min(earlier, second.count - 1)] }
    let gateway = try await TestGateway([(one, 0..<128), (two, 128..<256)])
    let answer = try await gateway.send("GET", target)
    try await check(gateway, one, two, answer)
    #expect(try await gateway.read { [$0.gatherings.count, $0.slab.liveCount] } == [0, 0])
    #expect(try await gateway.read { loop in loop.ownerLinks.allSatisfy { $0.inFlightCount == 0 } })
    try await gateway.stop()
    try await one.stop()
    try await two.stop()
}

@Suite("Questions to all workers in a hand-off", .timeLimit(.minutes(1)))
struct HandoffGatheringTests {
    static let targets = ["/api/v2/rankings?metric=network_size&limit=3", "/ready"]

    @Test("a shard that nobody has for a moment: all are asked again", arguments: targets)
    func nobody(_ target: String) async throws {
        try await ask(target, [.part(0..<127)], [.part(128..<256), .part(128..<256), .part(127..<256)]) { _, one, two, answer in
            #expect(answer.status == 200, "\(answer.body)")
            #expect(one.questions.count == 3 && two.questions.count == 3)
        }
    }

    @Test("a shard that two have for a moment: all are asked again", arguments: targets)
    func both(_ target: String) async throws {
        try await ask(target, [.part(0..<128), .part(0..<127)], [.part(127..<256)]) { _, one, two, answer in
            #expect(answer.status == 200, "\(answer.body)")
            #expect(one.questions.count == 2 && two.questions.count == 2)
        }
    }

    @Test("a worker that sends the question away for a moment: all are asked again")
    func sentAway() async throws {
        try await ask(Self.targets[0], [.moved(2, epoch: 5), .notYet, .part(0..<128)], [.part(128..<256)]) { _, one, _, answer in
            #expect(answer.status == 200 && one.questions.count == 3, "\(answer.body)")
        }
    }

    @Test("if it stays so, the answer is 503 after a bounded number of rounds", arguments: targets)
    func bounded(_ target: String) async throws {
        try await ask(target, [.part(0..<127)], [.part(128..<256)]) { _, one, two, answer in
            #expect(answer.status == 503, "\(answer.body)")
            if target == "/ready" { #expect(answer.body.contains("\"shards_served\":255"), "\(answer.body)") }
            #expect(one.questions.count == Gathering.roundsMax && two.questions.count == Gathering.roundsMax)
        }
    }

    @Test("a part that comes twice counts once")
    func twice() async throws {
        try await ask(
            Self.targets[0], [.both(.part(0..<128), .part(0..<128))], [.notYet, .part(128..<256)]
        ) { gateway, one, two, answer in
            #expect(answer.status == 200, "\(answer.body)")
            #expect(two.questions.count == 2)
            let late = try await gateway.read { $0.metrics.lateAnswers }
            #expect(late >= 1)
        }
    }

    @Test("an owner that is only now connected to is waited for; without an owner for a shard the answer is 503 at once")
    func connecting() async throws {
        let one = try await FakeWorker.startForQuestions(1) { _, _ in .part(0..<128) }
        let two = try await FakeWorker.startForQuestions(2) { _, _ in .part(128..<256) }
        let gateway = try await TestGateway([(one, 0..<128)])
        #expect(try await gateway.send("GET", Self.targets[0]).status == 503)
        #expect(one.questions.isEmpty)
        let map = TestGateway.map([(one, 0..<128), (two, 128..<256)], version: 1)
        #expect(try await gateway.send("GET", Self.targets[0], after: { $0.apply(map) }).status == 200)
        try await gateway.stop()
        try await one.stop()
        try await two.stop()
    }
}
