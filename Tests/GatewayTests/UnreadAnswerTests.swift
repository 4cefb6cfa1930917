import Core
import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

@Suite("Answers over HTTP/1.1 that nobody reads")
struct UnreadAnswerTests {
    private static let size = 100_000

    private static func gateway() -> HandGateway {
        let gateway = HandGateway()
        gateway.services.state.withLock { $0.ledger = .body(status: 200, [UInt8](repeating: 32, count: size)) }
        return gateway
    }

    @Test("one counts, and keeps its slot, until the kernel has taken it")
    func counts() throws {
        let gateway = Self.gateway()
        let (channel, unread, _) = try gateway.connect()
        try gateway.get(channel)
        #expect(gateway.held == [1, Self.size])
        // The next one of the same client counts too.
        try gateway.get(channel)
        #expect(gateway.held == [2, 2 * Self.size])
        unread.read()
        gateway.eventLoop.run()
        #expect(gateway.held == [0, 0])
        var bytes = 0
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes += part.readableBytes }
        #expect(bytes > 2 * Self.size)
        try gateway.get(channel, "HEAD")
        #expect(gateway.loop.slab.liveCount == 1)
        unread.read()
        #expect(gateway.held == [0, 0])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("its slot is released once when the connection goes, whatever becomes of the bytes after that")
    func closed() throws {
        let gateway = Self.gateway()
        let (channel, unread, _) = try gateway.connect()
        try gateway.get(channel)
        channel.pipeline.fireChannelInactive()
        #expect(gateway.held == [0, 0])
        // Another request gets the slot before the first one's bytes are given up.
        let (other, otherUnread, _) = try gateway.connect()
        try gateway.get(other)
        #expect(gateway.held == [1, Self.size])
        unread.lose()
        gateway.eventLoop.run()
        #expect(gateway.held == [1, Self.size])
        otherUnread.lose()
        #expect(gateway.held == [0, 0])
        for each in [channel, other] { _ = try each.finish(acceptAlreadyClosed: true) }
    }

    @Test("a client that does not read for too long loses its connection, and its slots are free")
    func slow() throws {
        let gateway = Self.gateway()
        let (channel, unread, handler) = try gateway.connect()
        try gateway.get(channel)
        handler.sweep(now: monotonicNow())
        #expect(channel.isActive && gateway.held == [1, Self.size])
        handler.shutDown()
        #expect(channel.isActive, "it may still read its answer")
        handler.sweep(now: monotonicNow() + ClientPatience.slowReader + 1_000_000_000)
        gateway.eventLoop.run()
        #expect(!channel.isActive && gateway.held == [0, 0])
        unread.lose()
        #expect(gateway.held == [0, 0])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
