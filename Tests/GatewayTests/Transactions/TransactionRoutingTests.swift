import Core
import Foundation
import Frames
import Telemetry
import Testing

@testable import Gateway

private func transaction(_ affiliate: Int64, _ id: String = "t", amount: String = "1.00") -> String {
    "{\"affiliate_id\":\(affiliate),\"type\":\"deposit\",\"amount\":\"\(amount)\",\"external_transaction_id\":\"\(id)\"}"
}

private func list(_ transactions: [String]) -> String { "[\(transactions.joined(separator: ","))]" }

/// Accepts everything, numbered by its affiliate.
@Sendable private func accepting(_ orders: [TransactionOrder], _: Int) -> FakeWorker.Reply {
    .receipts(orders.map { accepted($0.affiliate.rawValue) })
}

private func accepted(_ id: Int64, _ outcome: TransactionReceipt.Outcome = .accepted) -> TransactionReceipt {
    TransactionReceipt(outcome, transactionID: 1000 + id, acceptedAtMicroseconds: 1_769_850_000_000_001)
}

/// The answer to a batch: a line for each transaction, and the counts.
private struct BatchAnswer: Decodable {
    struct Line: Decodable, Equatable {
        var index: Int
        var status: Int
        var transaction_id: Int64?
        var type: String?
        var field: String?
        var detail: String?
    }
    var results: [Line]
    var accepted: Int
    var repeated: Int
    var refused: Int
    var failed: Int

    init(_ answer: TestGateway.Answer) throws {
        self = try JSONDecoder().decode(BatchAnswer.self, from: Data(answer.body.utf8))
        #expect(results.map(\.index) == Array(results.indices))
        #expect(accepted + repeated + refused + failed == results.count)
    }
}

private struct ProblemAnswer: Decodable {
    var type: String
    var status: Int
    var field: String?
    var detail: String?
    var transaction_id: Int64?
}

/// Runs `body` with a gateway over these workers and sees afterwards that it holds on to nothing.
private func withGateway(
    _ answers: [@Sendable ([TransactionOrder], Int) -> FakeWorker.Reply], deadlineMilliseconds: Int = 20_000,
    _ body: (TestGateway, [FakeWorker]) async throws -> Void
) async throws {
    var workers: [FakeWorker] = []
    for (index, answer) in answers.enumerated() { workers.append(try await FakeWorker.start(Int64(index + 1), answer: answer)) }
    let share = 256 / workers.count
    let shards = workers.enumerated().map { index, worker in
        (worker, index * share..<(index == workers.count - 1 ? 256 : (index + 1) * share))
    }
    let gateway = try await TestGateway(shards, deadlineMilliseconds: deadlineMilliseconds)
    try await body(gateway, workers)
    let left = try await gateway.read { loop in
        [
            loop.batches.count, loop.transactionBytesHeld, loop.transactionAnswerBytesDue, loop.slab.liveCount,
            loop.slab.answerBytesHeld,
        ]
    }
    #expect(left == [0, 0, 0, 0, 0])
    let instances = workers.map(\.instance)
    let inFlight = try await gateway.read { loop in instances.map { loop.link(to: $0)?.inFlightCount ?? 0 } }
    #expect(inFlight.allSatisfy { $0 == 0 })
    try await gateway.stop()
    for worker in workers { try await worker.stop() }
}

@Suite("Transactions on their way")
struct TransactionRoutingTests {
    @Test("one transaction: 201 and its place, again 200 with the same bytes, then 409 with the number it has")
    func single() async throws {
        let outcomes: [TransactionReceipt.Outcome] = [.accepted, .repeated, .conflict]
        try await withGateway([{ _, earlier in .receipts([accepted(7, outcomes[earlier])]) }]) { gateway, workers in
            let first = try await gateway.post(transaction(7, "é\\\"1"))
            #expect(first.status == 201 && first.extra == "/api/v2/transactions/1007")
            #expect(
                first.body
                    == #"{"transaction_id":1007,"external_transaction_id":"é\"1","status":"accepted","accepted_at":"2026-01-31T09:00:00.000001Z"}"#
            )
            let again = try await gateway.post(transaction(7, "é\\\"1"))
            #expect(again.status == 200 && again.body == first.body && again.extra == first.extra)
            let conflict = try await gateway.post(transaction(7, "é\\\"1", amount: "2"))
            let problem = try JSONDecoder().decode(ProblemAnswer.self, from: Data(conflict.body.utf8))
            #expect(conflict.status == 409 && problem.type == "/problems/transaction-conflict")
            #expect(problem.transaction_id == 1007 && problem.field == "external_transaction_id")
            #expect(workers[0].received.flatMap(\.self).map(\.externalID) == ["é\"1", "é\"1", "é\"1"])
            #expect(workers[0].received.flatMap(\.self).allSatisfy { $0.shard == 7 && $0.sequence == 0 && $0.currency == "BRL" })
        }
    }

    @Test("a batch goes to every owner in one frame, and its results come in the order of the request")
    func split() async throws {
        try await withGateway([accepting, accepting]) { gateway, workers in
            let ids = (1...100).map { Int64($0 * 5 % 512 + 1) }
            let answer = try await gateway.post(list(ids.map { transaction($0, "t\($0)") }))
            let batch = try BatchAnswer(answer)
            #expect(answer.status == 201 && batch.accepted == 100)
            #expect(batch.results.map(\.transaction_id) == ids.map { 1000 + $0 })
            #expect(workers.map(\.received.count) == [1, 1])
            #expect(workers[0].received[0].allSatisfy { $0.shard < 128 } && workers[1].received[0].allSatisfy { $0.shard >= 128 })
            #expect(workers[0].received[0].count + workers[1].received[0].count == 100)
        }
    }

    @Test("what is wrong with a transaction refuses that one only; lines are answered as an array is")
    func mixed() async throws {
        try await withGateway([
            { orders, _ in
                .receipts(
                    orders.map { order in
                        switch order.affiliate.rawValue {
                        case 2: accepted(2, .repeated)
                        case 3: TransactionReceipt(.inactiveAffiliate)
                        case 4: TransactionReceipt(.wrongCurrency)
                        case 5: TransactionReceipt(.futureDate)
                        case 6: TransactionReceipt(.databaseUnavailable)
                        case 7: accepted(7, .conflict)
                        default: accepted(order.affiliate.rawValue)
                        }
                    })
            }
        ]) { gateway, workers in
            let bodies = (1...7).map { transaction($0) } + ["{}", transaction(8, amount: "0")]
            let answer = try await gateway.post(
                bodies.joined(separator: "\n"), contentType: "Application/X-NDJSON; charset=utf-8")
            let batch = try BatchAnswer(answer)
            #expect(answer.status == 207)
            #expect(batch.results.map(\.status) == [201, 200, 422, 422, 422, 503, 409, 422, 422])
            #expect(
                batch.results.map(\.field) == [
                    nil, nil, "affiliate_id", "currency", "date", nil, "external_transaction_id", "affiliate_id", "amount",
                ])
            #expect(batch.results.map(\.transaction_id) == [1001, 1002, nil, nil, nil, nil, 1007, nil, nil])
            #expect((batch.accepted, batch.repeated, batch.refused, batch.failed) == (1, 1, 6, 1))
            #expect(try await gateway.post(list(bodies)).body == answer.body)
            #expect(try await gateway.post(transaction(2), contentType: "application/x-ndjson").status == 200)
            #expect(try await gateway.post(list([transaction(1), transaction(2)])).status == 201)
            #expect(try await gateway.post("{}").status == 422)
            #expect(try await gateway.post("{").status == 400)
            #expect(try await gateway.post(list(Array(repeating: "{}", count: 1001))).status == 413)
            #expect(workers[0].received.allSatisfy { $0.allSatisfy { $0.affiliate.rawValue < 8 } })
            let text = try await gateway.read { loop in
                let bytes = ByteBuilder()
                loop.snapshot().write(to: PrometheusText(bytes))
                return String(decoding: bytes.bytes, as: UTF8.self)
            }
            #expect(text.contains("business_operations_total{operation=\"transaction\",outcome=\"accepted\"} 3"))
            #expect(text.contains("business_operations_total{operation=\"transaction\",outcome=\"refused\"} 13"))
        }
    }

    @Test("affiliates that nobody here knows are looked up once each; who is nowhere is told by the field")
    func lookUps() async throws {
        try await withGateway([accepting]) { gateway, workers in
            gateway.services.state.withLock {
                $0.places = [
                    9001: LocatedShard(shard: ShardID(3), sequence: 77), 9002: LocatedShard(shard: ShardID(4), sequence: 0),
                ]
            }
            let ids: [Int64] = [9001, 1, 9002, 9003, 9001]
            let answer = try await gateway.post(list(ids.map { transaction($0) }))
            let batch = try BatchAnswer(answer)
            #expect(batch.results.map(\.status) == [201, 201, 201, 422, 201])
            #expect(batch.results[3].type == "/problems/unknown-source" && batch.results[3].field == "affiliate_id")
            #expect(gateway.services.state.withLock { $0.lookedUp.sorted() } == [9001, 9002, 9003])
            let orders = workers[0].received.flatMap(\.self)
            #expect(workers[0].received.count == 1)
            #expect(orders.filter { $0.affiliate.rawValue == 9001 }.allSatisfy { $0.shard == 3 && $0.sequence == 77 })
            // What was learned is known from now on.
            #expect(try await gateway.post(transaction(9001)).status == 201)
            #expect(gateway.services.state.withLock { $0.lookedUp.count } == 3)
            gateway.services.state.withLock { $0.places = nil }
            #expect(try await gateway.post(transaction(9009)).status == 503)
        }
    }

    @Test("an affiliate that its worker does not know is looked up and sent to where it is")
    func moved() async throws {
        try await withGateway([
            { orders, _ in .receipts(orders.map { $0.shard == 5 ? TransactionReceipt(.unknownAffiliate) : accepted(0) }) },
            accepting,
        ]) { gateway, workers in
            gateway.services.state.withLock { $0.places = [5: LocatedShard(shard: ShardID(200), sequence: 12)] }
            let batch = try BatchAnswer(try await gateway.post(list([transaction(4), transaction(5)])))
            #expect(batch.results.map(\.status) == [201, 201])
            #expect(workers[1].received.map { $0.map(\.sequence) } == [[12]])
        }
    }

    @Test("a worker that is not the owner any more is asked in vain until the topology names the new one")
    func failover() async throws {
        try await withGateway([
            { orders, earlier in earlier == 0 ? .notOwner : .receipts(orders.map { _ in TransactionReceipt(.loading) }) },
            accepting,
        ]) { gateway, workers in
            let map = TestGateway.map([(workers[0], 0..<2), (workers[1], 2..<256)], version: 50)
            let loop = gateway.loop
            gateway.services.state.withLock {
                $0.onRefresh = { count in if count == 3 { loop.eventLoop.execute { loop.apply(map) } } }
            }
            let answer = try await gateway.post(list([transaction(5), transaction(200), transaction(6)]))
            #expect(answer.status == 201)
            #expect(workers[0].received.count == 3 && workers[0].received.allSatisfy { $0.count == 2 })
            // What was accepted in the first round is not sent again.
            #expect(workers[1].received.map { $0.map(\.affiliate.rawValue) } == [[200], [5, 6]])
        }
    }

    @Test("a worker that never becomes ready is told apart from one that says nothing")
    func deadline() async throws {
        try await withGateway(
            [{ orders, _ in .receipts(orders.map { _ in TransactionReceipt(.loading) }) }, { _, _ in .silence }],
            deadlineMilliseconds: 150
        ) { gateway, workers in
            let batch = try BatchAnswer(try await gateway.post(list([transaction(1), "{}", transaction(200)])))
            #expect(batch.results.map(\.status) == [503, 422, 503])
            // The silent one keeps the first from being asked again: a round is answered as a whole.
            #expect(
                batch.results.map(\.type) == [
                    "/problems/shard-unavailable", "/problems/invalid-field", "/problems/outcome-unknown",
                ])
            #expect(batch.results[2].detail?.contains("same external_transaction_id") == true)
            let alone = try await gateway.post(transaction(200))
            #expect(alone.status == 503 && alone.body.contains("outcome-unknown") && alone.body.contains("send it again"))
            let never = try await gateway.post(transaction(1))
            #expect(never.status == 503 && never.body.contains("shard-unavailable"))
            #expect(workers[0].received.count > 2)
        }
    }

    @Test("a lost connection leaves open what it carried, and nothing else")
    func lostLink() async throws {
        try await withGateway([{ _, _ in .close }, accepting]) { gateway, _ in
            let batch = try BatchAnswer(try await gateway.post(list([transaction(1), transaction(200), transaction(2)])))
            #expect(batch.results.map(\.status) == [503, 201, 503])
            #expect(batch.results[0].type == "/problems/outcome-unknown" && batch.failed == 2)
        }
    }

    @Test("an answer that comes after the deadline is dropped, also when the slot has another request by then")
    func lateAnswer() async throws {
        let gate = DispatchSemaphore(value: 0)
        try await withGateway(
            [
                { orders, earlier in
                    if earlier == 0 { gate.wait() }
                    return .receipts(orders.map { accepted($0.affiliate.rawValue) })
                }
            ], deadlineMilliseconds: 100
        ) { gateway, _ in
            #expect(try await gateway.post(transaction(1)).status == 503)
            gate.signal()
            while try await gateway.read({ $0.metrics.lateAnswers }) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(try await gateway.post(transaction(2)).status == 201)
        }
    }

    @Test(
        "a worker whose receipts make no sense is not believed",
        arguments: [
            [], [1, 2, 3], Array(repeating: 0, count: 17), Array(repeating: 99, count: 34), Array(repeating: 0, count: 35),
        ]
            as [[UInt8]])
    func nonsense(bytes: [UInt8]) async throws {
        try await withGateway([{ _, _ in .binary(bytes) }]) { gateway, _ in
            let batch = try BatchAnswer(try await gateway.post(list([transaction(1), transaction(2)])))
            #expect(batch.results.map(\.status) == [500, 500])
        }
    }

    @Test(
        "a refusal of a whole frame is the answer for all that was in it",
        arguments: WorkerProblem.allCases.filter { $0 != .loading })
    func problems(problem: WorkerProblem) async throws {
        try await withGateway([{ _, _ in .problem(problem) }]) { gateway, _ in
            let batch = try BatchAnswer(try await gateway.post(list([transaction(1), transaction(2)])))
            #expect(batch.results.map(\.status) == Array(repeating: Int(Problem(problem).status), count: 2))
        }
    }

    @Test("a thousand transactions that find no memory, or no room for their answers, are refused whole")
    func memory() async throws {
        try await withGateway([accepting]) { gateway, workers in
            let body = list((0..<1000).map { transaction(Int64($0 % 512) + 1, "m\($0)") })
            for isBytes in [true, false] {
                let loop = gateway.loop
                let most = isBytes ? GatewayLoop.transactionBytesHeldMax : GatewayLoop.transactionAnswerBytesDueMax
                let path = isBytes ? \GatewayLoop.transactionBytesHeld : \GatewayLoop.transactionAnswerBytesDue
                try await loop.eventLoop.submit { loop[keyPath: path] += most - 1000 }.get()
                #expect(try await gateway.post(body).status == 503)
                try await loop.eventLoop.submit { loop[keyPath: path] -= most - 1000 }.get()
            }
            #expect(workers[0].received.isEmpty)
            let answer = try await gateway.post(body)
            #expect(try BatchAnswer(answer).accepted == 1000)
        }
    }
}

@Suite("Answers about transactions")
struct TransactionAnswerTests {
    @Test("no result is longer than what is set aside for it")
    func resultLength() {
        var results = TransactionFault.allCases.map { TransactionResult.faulty($0) }
        results += Problem.allCases.map { .problem($0) }
        results += [.accepted(id: .max, acceptedAt: 1), .repeated(id: .max, acceptedAt: 1), .conflict(id: .max)]
        for result in results {
            let line = ByteBuilder()
            line.appendResult(result, at: 999)
            #expect(line.count < TransactionBatch.resultBytesMax, "\(result)")
            #expect(JSONSerialization.isValidJSONObject((try? JSONSerialization.jsonObject(with: Data(line.bytes))) ?? ""))
        }
    }

    @Test("every outcome of a worker means something, and numbers that no transaction has are not believed")
    func receipts() {
        for outcome in TransactionReceipt.Outcome.allCases {
            let receipt = TransactionReceipt(outcome, transactionID: 5, acceptedAtMicroseconds: 6)
            if case .result(.problem(.internalError)) = receipt.meaning { #expect(outcome == .malformed) }
        }
        #expect(TransactionReceipt(.accepted, transactionID: 0).meaning == .result(.problem(.internalError)))
        #expect(TransactionReceipt(.conflict, transactionID: -1).meaning == .result(.problem(.internalError)))
        let far = TransactionReceipt(.repeated, transactionID: 1, acceptedAtMicroseconds: .max)
        #expect(far.meaning == .result(.problem(.internalError)))
    }
}
