import Core
import Testing

@testable import HTTP2

@Suite("Frames that no honest client sends")
struct HostileFrameTests {
    /// A connection past its preface.
    private func opened(slots: Int = 1024) -> Connection {
        let connection = Connection(slots: slots)
        #expect(connection.feed(RawFrame.preface + RawFrame.emptySettings))
        _ = connection.drain()
        return connection
    }

    /// Feeds frames until the server has had enough or `count` are sent; returns how many it took, and what it said at last.
    private func flood(_ connection: Connection, count: Int, _ frame: (UInt32) -> [UInt8]) -> (taken: Int, last: [UInt8]) {
        for number in 0..<count {
            let isAlive = connection.feed(frame(UInt32(number)))
            let last = connection.drain()
            if !isAlive || connection.server.isFinished { return (number, last) }
        }
        return (count, [])
    }

    /// Whether a GOAWAY with an error is among the frames.
    private func holdsGoAway(_ bytes: [UInt8]) -> Bool {
        var at = 0
        while at + 9 <= bytes.count {
            let length = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
            if bytes[at + 3] == 7, at + 17 <= bytes.count { return bytes[at + 16] != 0 }
            at += 9 + length
        }
        return false
    }

    @Test("headers continued without end close the connection")
    func continuationFlood() {
        let connection = opened()
        #expect(connection.feed(RawFrame.frame(type: 1, flags: 1, stream: 1, RawFrame.getRoot)))
        let (taken, last) = flood(connection, count: 10_000) { _ in
            RawFrame.frame(type: 9, flags: 0, stream: 1, [0, 1, 0x78, 1, 0x79])
        }
        #expect(taken < 10_000)
        #expect(holdsGoAway(last) || connection.server.isFinished || taken < 100)
        connection.server.close()
        #expect(connection.slab.liveCount == 0)
    }

    @Test("streams opened and reset as fast as they can be close the connection, and every slot comes back")
    func rapidReset() {
        let connection = opened()
        connection.receiver.onReceive = { slot in connection.answer(connection.slab.token(of: slot)) }
        let (taken, last) = flood(connection, count: 100_000) { number in
            let stream = number * 2 + 1
            return RawFrame.frame(type: 1, flags: 4, stream: stream, RawFrame.getRoot)
                + RawFrame.frame(type: 3, flags: 0, stream: stream, [0, 0, 0, 8])
        }
        #expect(taken < 100_000)
        #expect(holdsGoAway(last))
        connection.server.close()
        #expect(connection.slab.liveCount == 0)
        connection.receiver.onReceive = nil
    }

    @Test("pings and settings whose acknowledgements nobody reads close the connection", arguments: [6, 4] as [UInt8])
    func unreadAcknowledgements(type: UInt8) {
        let connection = opened()
        let frame = RawFrame.frame(type: type, flags: 0, stream: 0, type == 6 ? [UInt8](repeating: 1, count: 8) : [])
        var isAlive = true
        for _ in 0..<20_000 where isAlive { isAlive = connection.feed(frame) }
        #expect(!isAlive || connection.server.isFinished)
    }

    @Test("a header block that unpacks to fifty megabytes is refused, and costs no memory")
    func headerBomb() {
        let connection = opened()
        // One field of 4,000 bytes into the dynamic table (index 62), then named again and again, one byte each.
        var block = RawFrame.getRoot + [0x40, 1, 0x78] + [0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x61, count: 4000)
        block += [UInt8](repeating: 0xbe, count: 16_384 - block.count)
        let isAlive = connection.feed(RawFrame.frame(type: 1, flags: 5, stream: 1, block))
        _ = connection.drain()
        if isAlive, let token = connection.receiver.tokens.first, let slot = connection.slab.slot(for: token) {
            #expect(connection.slab[slot].refusal == 431)
        } else {
            #expect(connection.server.isFinished || !isAlive || connection.slab.liveCount == 0)
        }
        connection.server.close()
    }

    @Test(
        "a stream that depends on itself, a window that overflows, data on stream 0: the connection closes, nothing else happens")
    func protocolErrors() {
        let frames: [[UInt8]] = [
            RawFrame.frame(type: 0, flags: 0, stream: 0, [1]),
            RawFrame.frame(type: 8, flags: 0, stream: 0, [0x7f, 0xff, 0xff, 0xff]),
            RawFrame.frame(type: 1, flags: 5, stream: 2, RawFrame.getRoot),
            RawFrame.frame(type: 9, flags: 4, stream: 1, RawFrame.getRoot),
            RawFrame.frame(type: 4, flags: 0, stream: 0, [0]),
            RawFrame.frame(type: 1, flags: 5, stream: 1, [0xff, 0xff, 0xff, 0xff, 0xff]),
            [0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 70_000),
        ]
        for frame in frames {
            let connection = opened()
            let isAlive = connection.feed(frame)
            let last = connection.drain()
            #expect(!isAlive || holdsGoAway(last), "\(frame.prefix(9))")
            #expect(connection.receiver.tokens.isEmpty)
        }
    }

    @Test("random bytes after the preface never trap, and leave no slot behind")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let connection = opened(slots: 8)
            connection.receiver.onReceive = { slot in connection.answer(connection.slab.token(of: slot)) }
            for _ in 0..<8 {
                var bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                // Mostly plausible frames, so that they get past the length check.
                if Bool.random(using: &random) {
                    bytes = RawFrame.frame(
                        type: UInt8.random(in: 0...10, using: &random), flags: UInt8.random(in: 0...255, using: &random),
                        stream: UInt32.random(in: 0...6, using: &random), Bool.random(using: &random) ? RawFrame.getRoot : bytes)
                }
                if !connection.feed(bytes) { break }
                _ = connection.drain()
            }
            connection.server.close()
            #expect(connection.slab.liveCount == 0)
            connection.receiver.onReceive = nil
        }
    }
}
