import Core
import Testing

@testable import HTTP2

@Suite("Requests and answers over an HTTP/2 session")
struct RequestTests {
    @Test("a request without a body arrives whole and is answered with its headers")
    func plainRequest() throws {
        let connection = Connection()
        let stream = connection.client.request("GET", "/a?b=c", headers: [("x-request-id", "abc-1")])
        #expect(connection.exchange())
        let token = try #require(connection.receiver.tokens.first)
        let slot = try #require(connection.slab.slot(for: token))
        #expect(connection.target(token) == "/a?b=c")
        #expect(connection.slab[slot].method == .get)
        #expect(connection.slab[slot].startedAt == connection.now)
        #expect(connection.answer(token, status: 405, "{\"x\":1}", allow: "POST"))
        #expect(connection.exchange())
        let answer = try #require(connection.client.answers[stream])
        #expect(answer.status == 405)
        #expect(answer.text == "{\"x\":1}")
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.headers["content-length"] == "7")
        #expect(answer.headers["x-request-id"] == "abc-1")
        #expect(answer.headers["allow"] == "POST")
        #expect(answer.isClosed && answer.errorCode == 0)
        #expect(connection.slab.liveCount == 0)
    }

    @Test(
        "a content type says whether the body is one object a line",
        arguments: [
            ("application/x-ndjson", true), ("Application/X-NDJSON; charset=utf-8", true), ("application/x-ndjson x", true),
            ("application/json", false), ("application/x-ndjsonl", false), ("application/x-ndjso", false), ("", false),
        ])
    func contentType(type: String, hasLines: Bool) throws {
        let connection = Connection()
        connection.client.request("POST", "/x", headers: [("content-type", "application/x-ndjson")], body: [1])
        connection.client.request("POST", "/x", headers: type.isEmpty ? [] : [("content-type", type)], body: [1])
        #expect(connection.exchange())
        let slots = connection.receiver.tokens.compactMap(connection.slab.slot(for:))
        #expect(slots.map { connection.slab[$0].hasLines } == [true, hasLines])
        // A slot that is used again knows nothing of the request before.
        for token in connection.receiver.tokens { connection.answer(token) }
        #expect(connection.exchange())
        connection.client.request("POST", "/x", body: [1])
        #expect(connection.exchange())
        let again = try #require(connection.receiver.tokens.last.flatMap(connection.slab.slot(for:)))
        #expect(!connection.slab[again].hasLines)
        connection.answer(connection.receiver.tokens[2])
        #expect(connection.exchange())
    }

    @Test("a body arrives in one piece, whatever the pieces in which its bytes come")
    func bodyInPieces() throws {
        let body = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let connection = Connection()
        connection.client.request("POST", "/x", body: body)
        let bytes = connection.client.output()
        var at = 0
        while at < bytes.count {
            let end = min(at + 7, bytes.count)
            #expect(connection.feed(Array(bytes[at..<end])))
            at = end
        }
        #expect(connection.client.take(connection.drain()))
        #expect(connection.exchange())
        let slot = try #require(connection.receiver.tokens.first.flatMap(connection.slab.slot(for:)))
        #expect(Array(connection.slab[slot].body.bytes) == body)
        #expect(connection.slab.bodyBytesHeld == body.count)
        connection.answer(connection.receiver.tokens[0])
        #expect(connection.exchange())
        #expect(connection.slab.bodyBytesHeld == 0 && connection.slab.liveCount == 0)
    }

    @Test("trailers end a request and change nothing of it")
    func trailers() throws {
        let connection = Connection()
        connection.client.request(
            "POST", "/x", body: Array("abc".utf8), trailers: [("x-request-id", "from-trailer"), ("x-sum", "1")])
        #expect(connection.exchange())
        let slot = try #require(connection.receiver.tokens.first.flatMap(connection.slab.slot(for:)))
        #expect(Array(connection.slab[slot].body.bytes) == Array("abc".utf8))
        #expect(connection.slab[slot].requestIDCount == 0)
    }

    @Test("HEAD is answered with the length of the body and without the body")
    func head() throws {
        let connection = Connection()
        let stream = connection.client.request("HEAD", "/")
        #expect(connection.exchange())
        connection.answer(connection.receiver.tokens[0], "12345")
        #expect(connection.exchange())
        let answer = try #require(connection.client.answers[stream])
        #expect(answer.headers["content-length"] == "5" && answer.body.isEmpty && answer.isClosed && answer.errorCode == 0)
        #expect(connection.slab.liveCount == 0)
    }

    @Test("answers go to their own streams in whatever order they are made")
    func outOfOrder() {
        let connection = Connection()
        let streams = (0..<20).map { connection.client.request("GET", "/\($0)") }
        #expect(connection.exchange())
        #expect(connection.receiver.tokens.count == 20)
        for token in connection.receiver.tokens.reversed() { connection.answer(token, connection.target(token)) }
        #expect(connection.exchange())
        for (number, stream) in streams.enumerated() { #expect(connection.client.answers[stream]?.text == "/\(number)") }
        #expect(connection.slab.liveCount == 0 && connection.slab.answerBytesHeld == 0)
    }

    @Test("a late answer for a closed stream is dropped, and never reaches the next request in the same slot")
    func lateAnswer() throws {
        let connection = Connection(slots: 1)
        let first = connection.client.request("GET", "/first")
        #expect(connection.exchange())
        let late = connection.receiver.tokens[0]
        connection.client.reset(first)
        #expect(connection.exchange())
        // The receiver still owes an answer, so the slot is not free yet.
        #expect(connection.slab.liveCount == 1)
        #expect(connection.answer(late, "late"))
        #expect(connection.slab.liveCount == 0)
        let second = connection.client.request("GET", "/second")
        #expect(connection.exchange())
        #expect(!connection.answer(late, "later"))
        connection.answer(connection.receiver.tokens[1], "second")
        #expect(connection.exchange())
        #expect(connection.client.answers[second]?.text == "second")
        #expect(connection.client.answers[first]?.text == "")
    }

    @Test("a request answered from within feed needs no more than that")
    func answeredAtOnce() {
        let connection = Connection()
        connection.receiver.onReceive = { slot in connection.answer(connection.slab.token(of: slot), "now") }
        let stream = connection.client.request("GET", "/")
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.text == "now")
        connection.receiver.onReceive = nil
    }

    @Test("a full slab refuses streams, which may be tried again, and takes more once one is answered")
    func slabFull() {
        let connection = Connection(slots: 2)
        let streams = (0..<4).map { connection.client.request("GET", "/\($0)") }
        #expect(connection.exchange())
        #expect(connection.receiver.tokens.count == 2)
        // 7: REFUSED_STREAM
        #expect(connection.client.answers[streams[2]]?.errorCode == 7)
        #expect(connection.client.answers[streams[3]]?.errorCode == 7)
        for token in connection.receiver.tokens { connection.answer(token) }
        #expect(connection.exchange())
        let next = connection.client.request("GET", "/next")
        #expect(connection.exchange())
        #expect(connection.receiver.tokens.count == 3)
        connection.answer(connection.receiver.tokens[2], "next")
        #expect(connection.exchange())
        #expect(connection.client.answers[next]?.text == "next")
    }

    @Test("an answer leaves whole through a buffer of one byte")
    func tinyDrain() {
        let connection = Connection()
        connection.drainBytes = 1
        let stream = connection.client.request("GET", "/")
        #expect(connection.exchange())
        let body = String(repeating: "0123456789", count: 300)
        connection.answer(connection.receiver.tokens[0], body)
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.text == body)
    }

    @Test("an answer waits for a window of zero, goes on as it opens, and then gives its slot back")
    func zeroWindow() {
        let connection = Connection(initialWindow: 0)
        let stream = connection.client.request("GET", "/")
        #expect(connection.exchange())
        connection.answer(connection.receiver.tokens[0], "0123456789")
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.status == 200)
        #expect(connection.client.answers[stream]?.text == "")
        connection.client.openWindow(stream, by: 4)
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.text == "0123")
        #expect(connection.slab.liveCount == 1)
        connection.client.openWindow(stream, by: 100)
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.text == "0123456789")
        #expect(connection.slab.liveCount == 0)
    }

    @Test("a window that never opens costs the stream, not the slot")
    func windowNeverOpens() {
        let connection = Connection(initialWindow: 0)
        let stream = connection.client.request("GET", "/")
        let waiting = connection.client.request("GET", "/waiting")
        #expect(connection.exchange())
        connection.answer(connection.receiver.tokens[0], "0123456789")
        #expect(connection.exchange())
        connection.server.resetUnread(before: connection.now)
        #expect(connection.exchange())
        #expect(connection.slab.liveCount == 2, "an answer of this moment is not late yet")
        connection.server.resetUnread(before: connection.now + 1)
        #expect(connection.exchange())
        // 8: CANCEL
        #expect(connection.client.answers[stream]?.errorCode == 8)
        #expect(connection.client.answers[waiting]?.isClosed != true, "a request that waits for its answer is left alone")
        #expect(connection.slab.liveCount == 1 && connection.slab.answerBytesHeld == 0)
    }

    @Test("a session closed while requests are with the receiver keeps their slots until they are answered")
    func closedWhileWaiting() {
        let connection = Connection()
        for number in 0..<5 { connection.client.request("GET", "/\(number)") }
        connection.client.request("POST", "/half", body: [1], isEndless: true)
        #expect(connection.exchange())
        #expect(connection.slab.liveCount == 6)
        connection.server.close()
        // The one that was still arriving is free at once.
        #expect(connection.slab.liveCount == 5)
        #expect(connection.server.isFinished)
        #expect(!connection.feed([0]))
        #expect(connection.drain().isEmpty)
        connection.server.flush()
        for token in connection.receiver.tokens { #expect(connection.answer(token)) }
        #expect(connection.slab.liveCount == 0)
    }

    @Test("a session closed from within feed is gone when feed returns")
    func closedWithinFeed() {
        let connection = Connection()
        connection.receiver.onReceive = { _ in connection.server.close() }
        connection.client.request("GET", "/")
        #expect(!connection.feed(connection.client.output() + connection.client.output()) || connection.server.isFinished)
        #expect(connection.server.session == nil)
        connection.receiver.onReceive = nil
    }

    @Test("a flush of a session that is gone reaches nobody")
    func flushAfterClose() {
        let slab = RequestSlab(capacity: 1)
        let receiver = HoldingReceiver(slab: slab)
        var flushes = 0
        let session = HTTP2Session(slab: slab, receiver: receiver) { flushes += 1 }
        session.flush()
        session.close()
        session.flush()
        #expect(flushes == 1)
    }

    @Test("a notice of GOAWAY names no stream: what the caller opens before it has heard is answered, and the session goes on")
    func notice() {
        let connection = Connection()
        let first = connection.client.request("GET", "/first")
        #expect(connection.exchange())
        connection.server.shutDown()
        // On its way when the notice leaves.
        let second = connection.client.request("GET", "/second")
        #expect(connection.exchange())
        #expect(connection.client.goAwayCode == 0)
        for token in connection.receiver.tokens { connection.answer(token, "done") }
        #expect(connection.exchange())
        #expect(connection.client.answers[first]?.text == "done" && connection.client.answers[second]?.text == "done")
        #expect(!connection.server.isFinished)
        connection.server.shutDown()
        connection.server.shutDown()
        #expect(connection.exchange())
        #expect(connection.server.isFinished)
    }

    @Test("after GOAWAY open streams are answered, and then the session is finished")
    func shutDown() {
        let connection = Connection()
        let stream = connection.client.request("GET", "/")
        #expect(connection.exchange())
        connection.server.shutDown()
        connection.server.shutDown()
        #expect(connection.exchange())
        #expect(connection.client.goAwayCode == 0)
        #expect(!connection.server.isFinished)
        connection.answer(connection.receiver.tokens[0], "last")
        #expect(connection.exchange())
        #expect(connection.client.answers[stream]?.text == "last")
        #expect(connection.server.isFinished)
    }
}
