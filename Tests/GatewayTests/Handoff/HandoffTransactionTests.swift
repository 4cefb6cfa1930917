import Core
import Frames
import Synchronization
import Testing

@testable import Gateway

private func deposits(_ affiliates: [Int64]) -> String {
    let items = affiliates.map {
        "{\"affiliate_id\":\($0),\"type\":\"deposit\",\"amount\":\"1.00\",\"external_transaction_id\":\"t\($0)\"}"
    }
    return "[\(items.joined(separator: ","))]"
}

private func accepted(_ order: TransactionOrder) -> TransactionReceipt {
    TransactionReceipt(
        .accepted, transactionID: 1000 + order.affiliate.rawValue, acceptedAtMicroseconds: 1_769_850_000_000_001)
}

private func moved(_ owner: Int64, epoch: Int64) -> TransactionReceipt {
    TransactionReceipt(.moved, transactionID: owner, acceptedAtMicroseconds: epoch)
}

@Suite("Transactions in a hand-off", .timeLimit(.minutes(1)))
struct HandoffTransactionTests {
    @Test("those of a shard that has moved go to its new owner in the next round, the others are not sent again")
    func movedOne() async throws {
        let source = try await FakeWorker.start(
            1, answer: { orders, _ in .receipts(orders.map { $0.shard == 5 ? moved(2, epoch: 2) : accepted($0) }) })
        let target = try await FakeWorker.start(2, answer: { orders, _ in .receipts(orders.map(accepted)) })
        let gateway = try await TestGateway([(source, 0..<256)], targets: [target])
        let answer = try await gateway.post(deposits([4, 5, 6]))
        #expect(answer.status == 201 && answer.body.contains("\"accepted\":3"), "\(answer.body)")
        #expect(source.received.map { $0.map(\.affiliate.rawValue) } == [[4, 5, 6]])
        #expect(target.received.map { $0.map(\.affiliate.rawValue) } == [[5]])
        // The route is known now: no look at the topology was needed, and the next goes there at once.
        #expect(gateway.services.state.withLock { $0.refreshes } == 0)
        #expect(try await gateway.post(deposits([5])).status == 201)
        #expect(source.received.count == 1 && target.received.count == 2)
        try await gateway.stop()
        try await source.stop()
        try await target.stop()
    }

    @Test("an owner that is not ready yet, or knows less than the gateway, is asked again until it takes them")
    func notYet() async throws {
        let source = try await FakeWorker.startForQuestions(1) { _, _ in .close }
        let target = try await FakeWorker.start(
            2,
            answer: { orders, earlier in
                switch earlier {
                case 0: .receipts(orders.map { _ in moved(1, epoch: 1) })
                case 1: .receipts(orders.map { _ in TransactionReceipt(.notYet) })
                case 2: .notYet
                default: .receipts(orders.map(accepted))
                }
            })
        let gateway = try await TestGateway([(source, 0..<256)])
        try await gateway.own([(target, 0..<256)], targets: [source])
        #expect(try await gateway.post(deposits([5, 6])).status == 201)
        #expect(source.received.isEmpty && target.received.count == 4)
        #expect(gateway.services.state.withLock { $0.refreshes } == 0)
        try await gateway.stop()
        try await source.stop()
        try await target.stop()
    }

    @Test("the pauses between two owners begin short and are bounded; those for an unserved shard are as long as ever")
    func pauses() throws {
        func pauses(_ reason: TransactionBatch.SentAway) throws -> [Int64?] {
            var text = deposits([5])
            let items = try text.withUTF8 {
                try TransactionParser.parse(UnsafeRawBufferPointer($0), as: .json, currency: .brl, scratch: ByteBuilder())
            }
            let batch = TransactionBatch(items)
            _ = batch.locate { _ in ShardID(5) }
            return (0..<7).map { _ in
                _ = batch.beginRound { _ in .worker(WorkerInstanceID(1)) }
                batch.sendAgain(WorkerInstanceID(1), reason)
                return batch.pauseMilliseconds
            }
        }
        #expect(try pauses(.betweenOwners) == [5, 10, 20, 40, 80, 100, 100])
        #expect(try pauses(.unserved) == [25, 50, 100, 200, 400, 400, 400])
    }

    @Test("a receipt that names no worker or no epoch is our fault, and routes nowhere")
    func malformed() async throws {
        let worker = try await FakeWorker.start(
            1,
            answer: { orders, earlier in .receipts(orders.map { _ in earlier == 0 ? moved(0, epoch: 9) : moved(2, epoch: 0) }) })
        let gateway = try await TestGateway([(worker, 0..<256)])
        for _ in 0..<2 {
            let answer = try await gateway.post(deposits([5]))
            #expect(answer.body.contains("internal-error") && answer.body.contains("\"failed\":1"), "\(answer.body)")
        }
        #expect(try await gateway.read { $0.routes[ShardID(5)].epoch } == Epoch(1))
        try await gateway.stop()
        try await worker.stop()
    }
}
