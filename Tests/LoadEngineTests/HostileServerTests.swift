import Core
import Glibc
import LoadPlan
import LoadRecord
import Synchronization
import Testing

@testable import LoadEngine

@Suite("A server that keeps to nothing", .serialized)
struct HostileServerTests {
    /// Two connections; the first one's server is as `hostile` says, the other one answers.
    private func run(
        count: Int = 1000, rate: Int = 1000, connections: Int = 2, timeoutMilliseconds: Int = 300, path: String = "/",
        streamsMax: Int = 1000,
        _ hostile: @escaping @Sendable (RawPeer) throws -> Void
    ) throws -> RunRecord {
        let server = try RawServer { peer, number in
            try peer.greet(streamsMax: streamsMax)
            if number == 0 { try hostile(peer) }
            try peer.answerAll()
        }
        defer { server.stop() }
        return try TestLoad(
            paths: [path], count: count, rate: rate, connections: connections, timeoutMilliseconds: timeoutMilliseconds
        ).run(server.target).run()
    }

    @Test("a frame longer than allowed ends its connection, which is opened again: only what was on it is lost")
    func hugeFrame() throws {
        let record = try run(connections: 1, timeoutMilliseconds: 5000) { peer in
            let stream = try peer.request()
            try peer.send(RawPeer.data, 0, stream: stream, [UInt8](repeating: 0, count: 100), length: 1 << 20)
            // Silent from now on, and still there.
            while true { _ = try peer.receive(1) }
        }
        #expect(record.outcomes[.lost] >= 1 && record.outcomes[.ok] >= 500)
        // What was taken up in the very turn in which the session ended was never sent.
        let others = record.outcomes[.lost] + record.outcomes[.refusedStream]
        #expect(record.outcomes[.ok] + others == 1000, "\(record.outcomes.counts)")
        #expect(record.agents[0].connectionsLost == 1)
    }

    @Test("a body without end is given up when the request's patience ends, and holds up no other connection")
    func endlessBody() throws {
        let record = try run { peer in
            let stream = try peer.request()
            try peer.send(RawPeer.headers, RawPeer.endHeaders, stream: stream, RawPeer.ok)
            let chunk = [UInt8](repeating: 7, count: 16_384)
            while true { try peer.send(RawPeer.data, 0, stream: stream, chunk) }
        }
        #expect(record.outcomes.total == 1000 && record.outcomes[.timeout] >= 1)
        #expect(record.outcomes[.ok] >= 300, "\(record.outcomes.counts)")
        #expect(record.operations[0].bytes > 1 << 20)
    }

    @Test("header fields without end end in a lost connection or in patience, and hold up no other connection")
    func endlessHeaders() throws {
        let record = try run { peer in
            let stream = try peer.request()
            // x: and 100 bytes, not to be indexed.
            let field = [0x10, 1, UInt8(ascii: "x"), 100] + [UInt8](repeating: UInt8(ascii: "y"), count: 100)
            try peer.send(RawPeer.headers, 0, stream: stream, RawPeer.ok + field)
            let fields = Array((0..<100).map { _ in field }.joined())
            while true { try peer.send(RawPeer.continuation, 0, stream: stream, fields) }
        }
        #expect(record.outcomes.total == 1000)
        #expect(record.outcomes[.ok] >= 300, "\(record.outcomes.counts)")
        #expect(record.outcomes[.timeout] + record.outcomes[.lost] >= 1)
    }

    @Test("half an answer is none: reset by the server, or cut off with the connection in the middle of a frame")
    func halfAnswers() throws {
        let record = try run(connections: 1) { peer in
            for _ in 0..<10 {
                let stream = try peer.request()
                try peer.send(RawPeer.headers, RawPeer.endHeaders, stream: stream, RawPeer.ok)
                try peer.send(RawPeer.data, 0, stream: stream, [1, 2, 3])
                try peer.send(RawPeer.reset, 0, stream: stream, [0, 0, 0, 2])
            }
            let stream = try peer.request()
            try peer.send(RawPeer.headers, RawPeer.endHeaders, stream: stream, RawPeer.ok)
            try peer.send(RawPeer.data, RawPeer.endStream, stream: stream, [1, 2, 3], length: 1000)
            throw RawPeer.Gone()
        }
        #expect(record.outcomes[.reset] == 10)
        #expect(record.outcomes[.lost] >= 1)
        #expect(record.outcomes[.ok] == 1000 - 10 - record.outcomes[.lost])
    }

    @Test("a lower limit of streams holds from the moment it is acknowledged, and so does a higher one")
    func changedLimit() throws {
        let openMost = Atomic<Int>(0)
        let afterwards = Atomic<Int>(0)
        let server = try RawServer { peer, _ in
            try peer.greet(streamsMax: 100)
            for _ in 0..<50 { try peer.answer(try peer.request()) }
            try peer.limit(streams: 2)
            // What was sent before the limit was known is answered; from then on everything waits until nothing more comes.
            var open: [Int32] = []
            var isAcknowledged = false
            var answered = 0
            while answered < 200 {
                if isAcknowledged, !peer.hasMore(within: 5) {
                    openMost.store(max(openMost.load(ordering: .relaxed), open.count), ordering: .relaxed)
                    for stream in open { try peer.answer(stream) }
                    answered += open.count
                    open = []
                    if answered >= 200 { break }
                }
                let frame = try peer.receive()
                if frame.type == RawPeer.headers { open.append(frame.stream) }
                if frame.type == RawPeer.settings, frame.flags == RawPeer.acknowledgement {
                    for stream in open { try peer.answer(stream) }
                    open = []
                    isAcknowledged = true
                }
            }
            try peer.limit(streams: 100)
            while true {
                try peer.answer(try peer.request())
                afterwards.add(1, ordering: .relaxed)
            }
        }
        defer { server.stop() }
        let record = try TestLoad(count: 1000, rate: 2000).run(server.target).run()
        #expect(record.outcomes[.ok] == 1000, "\(record.outcomes.counts)")
        #expect(openMost.load(ordering: .relaxed) == 2)
        #expect(afterwards.load(ordering: .relaxed) >= 500)
        #expect(record.agents[0].connectionsLost == 0)
    }

    @Test("a server that says GOAWAY at once, again and again, is asked at a bounded rate")
    func goAwayStorm() throws {
        let server = try RawServer { peer, number in
            try peer.greet()
            guard number > 0 else {
                for _ in 0..<10 { try peer.answer(try peer.request()) }
                return try peer.send(RawPeer.goAway, [0, 0, 0, 19, 0, 0, 0, 0])
            }
            try peer.send(RawPeer.goAway, [0, 0, 0, 0, 0, 0, 0, 0])
        }
        defer { server.stop() }
        let record = try TestLoad(count: 1000, rate: 1000, timeoutMilliseconds: 100).run(server.target).run()
        #expect(record.outcomes.total == 1000 && record.outcomes[.ok] == 10)
        // One each 100 ms at most, of a run of 1.1 s.
        let atMost = Int(record.seconds * 10) + 5
        #expect((2...atMost).contains(server.accepted), "\(server.accepted)")
    }

    @Test("what a server does not take for a while is written as soon as it does, to the last byte")
    func slowReader() throws {
        // Long paths fill the socket's buffers while nobody reads.
        let record = try run(
            count: 3000, rate: 3000, connections: 1, timeoutMilliseconds: 10_000,
            path: "/" + String(repeating: "x", count: 4000), streamsMax: 10_000
        ) { _ in usleep(1_500_000) }
        #expect(record.outcomes[.ok] == 3000, "\(record.outcomes.counts)")
        // Requests that the socket did not take waited for it: they were not sent.
        #expect(record.operations[0].waited.count > 0)
    }
}
