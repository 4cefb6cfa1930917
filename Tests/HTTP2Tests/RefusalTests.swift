import Core
import Testing

@testable import HTTP2

/// What a receiver is told of a request that is refused before it is whole.
private func refusal(_ connection: Connection, at number: Int = 0) -> UInt16? {
    guard connection.receiver.tokens.count > number else { return nil }
    return connection.slab.slot(for: connection.receiver.tokens[number]).map { connection.slab[$0].refusal }
}

@Suite("Requests over a limit")
struct RefusalTests {
    @Test("a target of the longest length is taken, one byte more is refused with 414")
    func longTarget() {
        for (length, expected) in [(RequestSlab.targetBytesMax, 0), (RequestSlab.targetBytesMax + 1, 414)] as [(Int, UInt16)] {
            let connection = Connection()
            connection.client.request("GET", "/" + String(repeating: "a", count: length - 1))
            #expect(connection.exchange())
            #expect(refusal(connection) == expected)
        }
    }

    @Test("headers over the limit are refused with 431, and the rest of the connection is not harmed")
    func manyHeaders() {
        let connection = Connection()
        let headers = (0..<20).map { ("x-\($0)", String(repeating: "v", count: 1000)) }
        let stream = connection.client.request("GET", "/", headers: headers)
        #expect(connection.exchange())
        #expect(refusal(connection) == 431)
        connection.answer(connection.receiver.tokens[0], status: 431)
        let next = connection.client.request("GET", "/next")
        #expect(connection.exchange())
        connection.answer(connection.receiver.tokens[1], "next")
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.status == 431)
        #expect(connection.client.answers[next]?.text == "next")
    }

    @Test("a body over the limit is refused with 413, answered, and the stream is then reset without error")
    func longBody() {
        let connection = Connection()
        connection.receiver.onReceive = { slot in
            connection.answer(connection.slab.token(of: slot), status: connection.slab[slot].refusal, "too large")
        }
        let stream = connection.client.request(
            "POST", "/", body: [UInt8](repeating: 7, count: RequestSlab.bodyBytesMax + 1), isEndless: true)
        #expect(connection.exchange())
        let answer = connection.client.answers[stream]
        #expect(answer?.status == 413)
        #expect(answer?.text == "too large")
        #expect(answer?.isClosed == true && answer?.errorCode == 0)
        #expect(connection.slab.liveCount == 0, "a client that goes on sending holds no slot")
        #expect(connection.client.goAwayCode == nil)
        connection.receiver.onReceive = nil
    }

    @Test("a refused request without an answer's body is reset without error as well")
    func refusedHead() {
        let connection = Connection()
        connection.receiver.onReceive = { slot in connection.answer(connection.slab.token(of: slot), status: 413, "") }
        let stream = connection.client.request(
            "POST", "/", body: [UInt8](repeating: 7, count: RequestSlab.bodyBytesMax + 1), isEndless: true)
        #expect(connection.exchange())
        let answer = connection.client.answers[stream]
        #expect(answer?.status == 413 && answer?.isClosed == true && answer?.errorCode == 0)
        #expect(connection.slab.liveCount == 0)
        connection.receiver.onReceive = nil
    }

    @Test("a length announced in eight digits is refused before the body comes")
    func announcedLength() {
        let connection = Connection()
        connection.client.request("POST", "/", headers: [("content-length", "10000000")], body: [1], isEndless: true)
        #expect(connection.exchange())
        #expect(refusal(connection) == 413)
    }

    @Test("bodies that together exceed what a loop may hold are refused with 503, and their room comes back")
    func bodiesTogether() {
        let slab = RequestSlab(capacity: 100)
        let transport = RequestTransport(slab: slab)
        let part = [UInt8](repeating: 1, count: RequestSlab.bodyBytesMax)
        var refused = 0
        for _ in 0..<(RequestSlab.bodyBytesHeldMax / RequestSlab.bodyBytesMax + 3) {
            guard let slot = transport.openSlot(stream: 1, now: 0) else { break }
            part.withUnsafeBytes { slab.appendBody($0, of: slot) }
            if slab[slot].refusal == 503 { refused += 1 }
        }
        #expect(refused == 3)
        #expect(slab.bodyBytesHeld == RequestSlab.bodyBytesHeldMax)
        transport.closeAllSlots()
        #expect(slab.bodyBytesHeld == 0 && slab.liveCount == 0)
    }

    @Test("large answers that nobody reads are bounded, small ones always fit")
    func answersTogether() {
        let slab = RequestSlab(capacity: 2)
        #expect(slab.canHoldAnswer(bytes: RequestSlab.answerBytesHeldMax))
        #expect(!slab.canHoldAnswer(bytes: RequestSlab.answerBytesHeldMax + 1))
        #expect(slab.canHoldAnswer(bytes: 100))
    }

    @Test("a request that takes too long to arrive is refused with 408, one that is whole is not")
    func slowRequest() {
        let connection = Connection()
        connection.client.request("GET", "/whole")
        connection.client.request("POST", "/slow", body: [1], isEndless: true)
        #expect(connection.exchange())
        #expect(connection.receiver.tokens.count == 1)
        connection.server.refuseStale(before: connection.now, now: connection.now, receiver: connection.receiver)
        #expect(connection.receiver.tokens.count == 1)
        connection.server.refuseStale(before: connection.now + 1, now: connection.now + 5, receiver: connection.receiver)
        #expect(refusal(connection, at: 0) == 0)
        #expect(refusal(connection, at: 1) == 408)
        connection.answer(connection.receiver.tokens[1], status: 408)
        #expect(connection.exchange())
        #expect(connection.slab.liveCount == 1, "the slow one's stream is reset after its answer")
    }

    @Test("the time for an answer begins when the request is whole, not when it begins")
    func slowBody() throws {
        let connection = Connection()
        connection.client.request("POST", "/slow", body: [UInt8](repeating: 1, count: 70_000))
        var bytes = connection.client.output()
        let rest = Array(bytes.suffix(10))
        bytes.removeLast(10)
        #expect(connection.feed(bytes))
        connection.now += 9_000_000_000
        #expect(connection.feed(rest))
        #expect(connection.client.take(connection.drain()))
        #expect(connection.exchange())
        let slot = try #require(connection.receiver.tokens.first.flatMap(connection.slab.slot(for:)))
        #expect(connection.slab[slot].startedAt == connection.now)
    }

    @Test(
        "a request id that is long or strange is not taken", arguments: ["", "a b", "a\"b", String(repeating: "a", count: 129)])
    func strangeRequestID(id: String) throws {
        let connection = Connection()
        connection.client.request("GET", "/", headers: [("x-request-id", id)])
        #expect(connection.exchange())
        let slot = try #require(connection.receiver.tokens.first.flatMap(connection.slab.slot(for:)))
        #expect(connection.slab[slot].requestIDCount == 0)
    }
}
