import Core
import NIOCore
import NIOHTTP1

/// Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection, then makes way for the protocol's own handler.
final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler, ClientConnection {
    typealias InboundIn = ByteBuffer

    private let loop: GatewayLoop
    private var context: ChannelHandlerContext?
    private var received: ByteBuffer?
    private let openedAt = monotonicNow()
    private var hasNotice = false

    /// The beginning of the HTTP/2 connection preface (RFC 9113, section 3.4). No HTTP/1.1 method begins so.
    private static let preface: StaticString = "PRI * HTTP/2.0"

    init(loop: GatewayLoop) { self.loop = loop }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        loop.closed(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if received == nil { received = bytes } else { received?.writeBuffer(&bytes) }
        guard let received else { return }
        let length = min(received.readableBytes, Self.preface.utf8CodeUnitCount)
        let looksLikeHTTP2 = received.withUnsafeReadableBytes { raw in
            (0..<length).allSatisfy { raw[$0] == Self.preface.utf8Start[$0] }
        }
        if looksLikeHTTP2, length < Self.preface.utf8CodeUnitCount { return }
        let pipeline = context.pipeline.syncOperations
        do {
            if looksLikeHTTP2 {
                try pipeline.addHandler(HTTP2ConnectionHandler(loop: loop))
            } else {
                try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
                try pipeline.addHandler(HTTP1ConnectionHandler(loop: loop))
            }
        } catch {
            loop.logger.error("a connection could not be set up", metadata: ["error": "\(error)"])
            context.close(promise: nil)
            return
        }
        self.received = nil
        context.fireChannelRead(NIOAny(received))
        context.fireChannelReadComplete()
        pipeline.removeHandler(self, promise: nil)
    }

    func sweep(now: MonotonicNanoseconds) {
        if now > openedAt + ClientPatience.greeting { context?.close(promise: nil) }
    }

    /// A client that has only just come is about to ask.
    func shutDown() {
        if hasNotice { context?.close(promise: nil) }
        hasNotice = true
    }
}
