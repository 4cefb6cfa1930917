import Core
import Dispatch
import Frames
import Testing

@testable import Gateway

private func deposit(_ affiliate: Int64) -> String {
    "{\"affiliate_id\":\(affiliate),\"type\":\"deposit\",\"amount\":\"1.00\",\"external_transaction_id\":\"t\"}"
}

/// Two workers, the first of which answers only when it is let.
private struct Pair {
    let gate = DispatchSemaphore(value: 0)
    let slow: FakeWorker
    let other: FakeWorker
    let gateway: TestGateway

    /// - Parameter hangsUp: whether the slow one closes the connection instead of answering.
    init(deadlineMilliseconds: Int = 20_000, hangsUp: Bool = false) async throws {
        @Sendable func receipts(_ orders: [TransactionOrder], by worker: Int64) -> FakeWorker.Reply {
            .receipts(
                orders.map {
                    TransactionReceipt(
                        .accepted, transactionID: worker * 1000 + $0.affiliate.rawValue,
                        acceptedAtMicroseconds: 1_769_850_000_000_001)
                })
        }
        let gate = gate
        slow = try await FakeWorker.start(1) { orders, _ in
            gate.wait()
            return hangsUp ? .close : receipts(orders, by: 1)
        }
        other = try await FakeWorker.start(2) { orders, _ in receipts(orders, by: 2) }
        gateway = try await TestGateway([(slow, 0..<256)], deadlineMilliseconds: deadlineMilliseconds)
    }

    /// A request that the slow worker has and has not answered.
    func askSlow() async throws -> Task<TestGateway.Answer, any Error> {
        let task = Task { [gateway] in try await gateway.post(deposit(5)) }
        while slow.received.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        return task
    }

    var isSlowLinked: Bool {
        get async throws {
            let instance = slow.instance
            return try await gateway.read { $0.link(to: instance) != nil }
        }
    }

    func untilUnlinked() async throws { while try await isSlowLinked { try await Task.sleep(for: .milliseconds(1)) } }

    func stop() async throws {
        gate.signal()
        try await gateway.stop()
        try await slow.stop()
        try await other.stop()
    }
}

@Suite("Workers that own nothing any more")
struct WorkerRetirementTests {
    @Test("one that owes an answer may still give it, and is asked nothing more")
    func answers() async throws {
        let pair = try await Pair()
        let open = try await pair.askSlow()
        try await pair.gateway.own([(pair.other, 0..<256)])
        #expect(try await pair.gateway.post(deposit(6)).body.contains("\"transaction_id\":2006,"))
        #expect(try await pair.isSlowLinked)
        pair.gate.signal()
        let answer = try await open.value
        #expect(answer.status == 201 && answer.body.contains("\"transaction_id\":1005,"), "\(answer.body)")
        try await pair.untilUnlinked()
        #expect(pair.slow.received.count == 1)
        try await pair.stop()
    }

    @Test("one that owes nothing is let go at once, and connected anew when it owns again")
    func idle() async throws {
        let pair = try await Pair()
        try await pair.gateway.own([(pair.other, 0..<256)])
        #expect(try await !pair.isSlowLinked)
        pair.gate.signal()
        try await pair.gateway.own([(pair.slow, 0..<128), (pair.other, 128..<256)])
        #expect(try await pair.gateway.post(deposit(5)).body.contains("\"transaction_id\":1005,"))
        try await pair.stop()
    }

    @Test("one that owns again while it owes an answer keeps its connection")
    func returning() async throws {
        let pair = try await Pair()
        let instance = pair.slow.instance
        let before = try await pair.gateway.read { $0.link(to: instance).map { ObjectIdentifier($0) } }
        let open = try await pair.askSlow()
        try await pair.gateway.own([(pair.other, 0..<256)])
        try await pair.gateway.own([(pair.slow, 0..<256)])
        #expect(try await pair.gateway.read { $0.link(to: instance).map { ObjectIdentifier($0) } } == before)
        pair.gate.signal()
        #expect(try await open.value.status == 201)
        pair.gate.signal()
        #expect(try await pair.gateway.post(deposit(5)).status == 201)
        #expect(try await pair.isSlowLinked)
        try await pair.stop()
    }

    @Test("one that never answers is let go when nobody waits for it any more")
    func silent() async throws {
        let pair = try await Pair(deadlineMilliseconds: 100)
        let open = try await pair.askSlow()
        try await pair.gateway.own([(pair.other, 0..<256)])
        let answer = try await open.value
        #expect(answer.status == 503 && answer.body.contains("outcome-unknown"))
        try await pair.untilUnlinked()
        try await pair.stop()
    }

    @Test("what a connection says that has been replaced, and its end, are not about what the new one was sent")
    func replaced() async throws {
        let pair = try await Pair()
        let open = try await pair.askSlow()
        try await pair.gateway.read { loop in
            guard let token = loop.batches.keys.first, let owner = loop.topology.owners[0] else {
                return #expect(Bool(false), "a batch is on its way")
            }
            let old = WorkerLink(owner: owner, loop: loop)
            old.inFlightCount = 1
            let frame = ByteBuilder()
            let start = frame.beginFrame(
                FrameHeader(code: Outcome.binary.rawValue, shard: ShardSet.allShards, requestID: token, word: 0))
            TransactionReceipt(.accepted, transactionID: 9, acceptedAtMicroseconds: 1_769_850_000_000_001).write(to: frame)
            frame.endFrame(start)
            #expect(throws: Never.self) {
                try FrameAssembler().receive(frame.bytes) { loop.receiveReply($0, $1, from: old) }
            }
            #expect(loop.metrics.lateAnswers == 1)
            loop.linkFailed(old)
            #expect(loop.batches.count == 1)
        }
        pair.gate.signal()
        let answer = try await open.value
        #expect(answer.status == 201 && answer.body.contains("\"transaction_id\":1005,"), "\(answer.body)")
        try await pair.stop()
    }

    @Test("one whose connection is lost while it owes an answer is not connected to again")
    func lost() async throws {
        let pair = try await Pair(hangsUp: true)
        let open = try await pair.askSlow()
        let instance = pair.slow.instance
        let link = try #require(try await pair.gateway.read { $0.link(to: instance) })
        try await pair.gateway.own([(pair.other, 0..<256)])
        pair.gate.signal()
        #expect(try await open.value.body.contains("outcome-unknown"))
        try await pair.untilUnlinked()
        #expect(try await pair.gateway.read { _ in link.isEnded })
        try await pair.stop()
    }
}
