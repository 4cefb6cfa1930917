import Core
import Frames
import Ownership
import Testing

@testable import Gateway

private let read = "/api/v2/affiliates/5"

/// A worker that answers its n-th question by `replies[n]`, and all later ones by the last.
private func worker(_ instance: Int64, _ replies: [FakeWorker.Reply]) async throws -> FakeWorker {
    try await FakeWorker.startForQuestions(instance) { _, earlier in replies[min(earlier, replies.count - 1)] }
}

/// Runs `body` with a gateway over these workers, of which the first owns everything at epoch 1 and all are connected, and sees afterwards that
/// nothing is left behind.
private func withWorkers(
    _ workers: [FakeWorker], deadlineMilliseconds: Int = 20_000, slots: Int = 64, _ body: (TestGateway) async throws -> Void
) async throws {
    let gateway = try await TestGateway(
        [(workers[0], 0..<256)], targets: Array(workers.dropFirst()), deadlineMilliseconds: deadlineMilliseconds, slots: slots)
    try await body(gateway)
    let left = try await gateway.read { loop in
        [loop.parked.count, loop.parked.bytes, loop.slab.liveCount, loop.orders.count, loop.gatherings.count]
    }
    #expect(left == [0, 0, 0, 0, 0])
    #expect(try await gateway.read { $0.parked.isForgotten })
    let instances = workers.map(\.instance)
    #expect(try await gateway.read { loop in instances.allSatisfy { loop.link(to: $0)?.inFlightCount ?? 0 == 0 } })
    try await gateway.stop()
    for worker in workers { try await worker.stop() }
}

@Suite("Requests in a hand-off", .timeLimit(.minutes(1)))
struct HandoffRequestTests {
    @Test("moved: sent at once to the new owner, and everything after it too")
    func moved() async throws {
        let source = try await worker(1, [.moved(2, epoch: 2)])
        let target = try await worker(2, [.body("{}")])
        try await withWorkers([source, target]) { gateway in
            #expect(try await gateway.send("GET", read).status == 200)
            #expect(try await gateway.send("GET", read).status == 200)
            #expect(source.questions.count == 1 && target.questions.count == 2)
            let counts = try await gateway.read { [$0.metrics.parkedRequests, $0.metrics.parkedExpired] }
            #expect(counts == [0, 0])
            #expect(gateway.services.state.withLock { $0.refreshes } == 0)
        }
    }

    @Test("moved to an epoch that is over: kept, and asked again where the younger epoch leads")
    func stale() async throws {
        let source = try await worker(1, [.body("the old one")])
        let target = try await worker(2, [.moved(1, epoch: 1), .moved(1, epoch: 1), .body("{}")])
        try await withWorkers([source, target]) { gateway in
            try await gateway.own([(target, 0..<256)], targets: [source])
            let answer = try await gateway.send("GET", read)
            #expect(answer.status == 200 && answer.body == "{}")
            #expect(source.questions.isEmpty && target.questions.count == 3)
            let counts = try await gateway.read { [$0.metrics.parkedRequests, $0.metrics.parkedExpired] }
            #expect(counts == [1, 0])
            let longest = try await gateway.read { $0.metrics.parkedNanosecondsMax }
            #expect(longest >= 5_000_000)
        }
    }

    @Test("not yet: kept until the owner answers, writes too, with what they ask for")
    func notYet() async throws {
        let owner = try await worker(1, [.notYet, .notYet, .body("{\"affiliate_id\":5}")])
        try await withWorkers([owner]) { gateway in
            let answer = try await gateway.send("PATCH", read, "{\"status\":\"suspended\"}")
            #expect(answer.status == 200, "\(answer.body)")
            #expect(owner.questions == [.setStatus, .setStatus, .setStatus])
            #expect(Set(owner.questionFields).count == 1)
        }
    }

    @Test("a route that a worker or an older picture names at an epoch that is over is not taken")
    func olderEpochs() async throws {
        let source = try await worker(1, [.body("the old one")])
        let target = try await worker(2, [.body("{}")])
        try await withWorkers([source, target]) { gateway in
            try await gateway.own([(target, 0..<256)], targets: [source], epoch: 7)
            // A younger version of the topology's picture, as another gateway's clock might have it, with rows from before.
            try await gateway.own([(source, 0..<256)], targets: [target], epoch: 6)
            #expect(try await gateway.send("GET", read).body == "{}")
            try await gateway.own([(source, 0..<256)], targets: [target], epoch: 8)
            #expect(try await gateway.send("GET", read).body == "the old one")
        }
    }

    @Test(
        "the new owner is nobody the gateway knows: the topology is looked at, and the request kept until it is connected to him")
    func unknownOwner() async throws {
        let source = try await worker(1, [.moved(2, epoch: 2)])
        let target = try await worker(2, [.body("{}")])
        let gateway = try await TestGateway([(source, 0..<256)])
        let answer = Task { try await gateway.send("GET", read) }
        try await gateway.until { $0.parked.count == 1 }
        #expect(gateway.services.state.withLock { $0.refreshes } == 1)
        try await gateway.own([(target, 0..<256)], epoch: 2)
        #expect(try await answer.value.status == 200)
        #expect(try await gateway.read { $0.parked.count } == 0)
        try await gateway.stop()
        try await source.stop()
        try await target.stop()
    }

    @Test("an owner who is only now connected to is waited for; one who cannot be connected to, or was lost, is not")
    func connecting() async throws {
        let first = try await worker(1, [.body("{}")])
        let second = try await worker(2, [.body("{}")])
        let gateway = try await TestGateway([(first, 0..<256)])
        let map = TestGateway.map([(second, 0..<256)], version: 1)
        let waited = try await gateway.send("GET", read, after: { $0.apply(map) })
        #expect(waited.status == 200)
        #expect(try await gateway.read { $0.metrics.parkedRequests } == 1)

        try await second.stop()
        try await gateway.until { $0.link(for: ShardID(5)) == nil }
        let lost = try await gateway.send("GET", read)
        #expect(lost.status == 503 && lost.body.contains("shard-unavailable"))
        #expect(try await gateway.read { $0.metrics.parkedRequests } == 1)

        // Nobody listens there any more: kept until that is known.
        var gone = TestGateway.map([(first, 0..<256)], version: 2)
        for shard in 0..<256 {
            gone.owners[shard]?.instance = WorkerInstanceID(3)
            gone.owners[shard]?.port = second.port
        }
        let refused = try await gateway.send("GET", read, after: { [gone] in $0.apply(gone) })
        #expect(refused.status == 503 && refused.body.contains("shard-unavailable"))
        #expect(try await gateway.read { $0.parked.count } == 0)
        try await gateway.stop()
        try await first.stop()
    }

    @Test("a late answer of the old owner is nobody's, and counted")
    func lateAnswer() async throws {
        let source = try await worker(1, [.both(.moved(2, epoch: 2), .body("late"))])
        let target = try await worker(2, [.notYet, .notYet, .notYet, .body("{}")])
        try await withWorkers([source, target]) { gateway in
            let answer = try await gateway.send("GET", read)
            let late = try await gateway.read { $0.metrics.lateAnswers }
            #expect(answer.body == "{}" && late == 1)
        }
    }

    @Test("a word on who has a shard that makes no sense is our fault, and routes nowhere")
    func malformed() async throws {
        let owner = try await worker(
            1,
            [
                .outcome(.moved, [1, 2, 3]), .moved(0, epoch: 9), .moved(2, epoch: -1),
                .outcome(.moved, .init(repeating: 1, count: 17)),
            ])
        try await withWorkers([owner]) { gateway in
            for _ in 0..<4 {
                let answer = try await gateway.send("GET", read)
                #expect(answer.status == 500)
            }
            let epoch = try await gateway.read { $0.routes[ShardID(5)].epoch }
            #expect(epoch == Epoch(1))
        }
    }

    @Test("owners that send a request round in a circle end with 503, after a bounded number of questions")
    func circle() async throws {
        let first = try await FakeWorker.startForQuestions(1) { _, earlier in .moved(2, epoch: Int64(2 * earlier + 2)) }
        let second = try await FakeWorker.startForQuestions(2) { _, earlier in .moved(1, epoch: Int64(2 * earlier + 3)) }
        try await withWorkers([first, second], deadlineMilliseconds: 300) { gateway in
            let answer = try await gateway.send("GET", read)
            #expect(answer.status == 503)
            #expect(first.questions.count + second.questions.count < 100)
        }
    }

    @Test("the target of a committed move of a subtree confirms it, wherever its shard goes meanwhile")
    func committedMove() async throws {
        let receipt = ByteBuilder()
        MoveReceipt(targetShard: 9, targetSequence: 3, oldParent: 0, movedCount: 1).write(to: receipt)
        let moved = Array(receipt.bytes)
        let source = try await worker(1, [.binary(moved), .moved(2, epoch: 2)])
        let target = try await worker(2, [.notYet, .binary([])])
        try await withWorkers([source, target]) { gateway in
            let answer = try await gateway.send(
                "POST", "/api/v2/affiliates/5/move", "{\"new_parent_affiliate_id\":9,\"reason\":\"test\"}")
            #expect(answer.status == 200, "\(answer.body)")
            #expect(source.questions == [.move, .catchUp] && target.questions == [.catchUp, .catchUp])
        }
    }
}
