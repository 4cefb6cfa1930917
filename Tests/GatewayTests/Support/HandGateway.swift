import Core
import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Telemetry

@testable import Gateway

/// A client that reads nothing until it is told to: everything written stays here.
final class Unread: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var kept: [(data: NIOAny, promise: EventLoopPromise<Void>?)] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) { kept.append((data, promise)) }
    func flush(context: ChannelHandlerContext) {}

    func read() {
        let all = kept
        kept = []
        for (data, promise) in all { context?.write(data, promise: promise) }
        context?.flush()
    }

    func lose() {
        let all = kept
        kept = []
        for (_, promise) in all { promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}

/// A gateway on an event loop that a test turns by hand.
final class HandGateway {
    let eventLoop = EmbeddedEventLoop()
    let services = FakeServices()
    let loop: GatewayLoop

    init() {
        loop = GatewayLoop(
            eventLoop: eventLoop, configuration: GatewayConfiguration(databaseURL: "", requestsPerThreadMax: 4),
            table: AffiliateDirectoryTable(expected: 10), currency: .brl,
            journal: AccessJournal(mode: .off, writer: LineWriter(descriptor: 2)), service: services,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func connect() throws -> (EmbeddedChannel, Unread, HTTP1ConnectionHandler) {
        let channel = EmbeddedChannel(loop: eventLoop)
        let unread = Unread()
        let handler = HTTP1ConnectionHandler(loop: loop)
        try channel.pipeline.syncOperations.addHandler(unread)
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: true)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/nowhere")).wait()
        return (channel, unread, handler)
    }

    func get(_ channel: EmbeddedChannel, _ method: String = "GET") throws {
        try channel.writeInbound(ByteBuffer(string: "\(method) /api/v2/transactions/5 HTTP/1.1\r\nhost: x\r\n\r\n"))
        eventLoop.run()
    }

    var held: [Int] { [loop.slab.liveCount, loop.slab.answerBytesHeld] }
}
