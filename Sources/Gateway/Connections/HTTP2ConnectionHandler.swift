import Core
import HTTP2
import NIOCore

/// Carries bytes between a channel and its HTTP/2 session.
final class HTTP2ConnectionHandler: ChannelInboundHandler, ClientConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: GatewayLoop
    private var session: HTTP2Session?
    private var context: ChannelHandlerContext?
    private var lastActivity: MonotonicNanoseconds
    private var unwritableSince: MonotonicNanoseconds?
    private var isClosing = false

    /// Bytes asked of the session at a time.
    private static let drainBytes = 64 << 10

    init(loop: GatewayLoop) {
        self.loop = loop
        lastActivity = monotonicNow()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        session = HTTP2Session(slab: loop.slab, receiver: loop) { [unowned self] in self.flush() }
        loop.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        session?.close()
        session = nil
        loop.closed(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session else { return }
        lastActivity = monotonicNow()
        let isAlive = unwrapInboundIn(data).withUnsafeReadableBytes { session.feed($0, now: lastActivity) }
        if !isAlive {
            // What the session has to say about it goes out first.
            flush()
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let channel = context.channel
        let isWritable = channel.isWritable
        unwritableSince = isWritable ? nil : monotonicNow()
        // A client that does not read is not read from: what it sends would make us queue more for it.
        channel.setOption(.autoRead, value: isWritable).whenFailure { _ in channel.close(promise: nil) }
        if isWritable { flush() }
    }

    func channelInactive(context: ChannelHandlerContext) { session?.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    }

    /// Moves waiting bytes from the session to the channel, as long as the client reads.
    private func flush() {
        guard let context, let session else { return }
        var hasWritten = false
        while context.channel.isWritable {
            let length = loop.drainBuffer(atLeast: Self.drainBytes) { session.drain(into: $0) }
            guard length > 0 else { break }
            context.write(wrapOutboundOut(loop.outBuffer), promise: nil)
            hasWritten = true
        }
        if hasWritten { context.flush() }
        if session.isFinished, !isClosing {
            // After the last bytes have left, not instead of it.
            isClosing = true
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func sweep(now: MonotonicNanoseconds) {
        guard let context, let session else { return }
        if let since = unwritableSince, now > since + ClientPatience.slowReader {
            context.close(promise: nil)
        } else if !session.hasLiveSlots, now > lastActivity + ClientPatience.idle {
            shutDown()
        } else {
            session.refuseStale(before: now &- loop.requestPatience, now: now, receiver: loop)
            session.resetUnread(before: now &- loop.readPatience &- loop.deadlineNanoseconds)
            flush()
        }
    }

    func shutDown() {
        session?.shutDown()
        flush()
    }
}
