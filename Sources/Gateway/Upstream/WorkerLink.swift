import Core
import Frames
import Logging
import NIOCore
import NIOPosix

/// One event loop's connection to one worker: frames out, gathered and flushed once a tick; replies in, handed to the loop.
///
/// It reconnects by itself until it is closed. Requests are sent only while it is connected; nothing is queued for later.
final class WorkerLink: ChannelInboundHandler, @unchecked Sendable {
    // @unchecked: confined to the loop's event loop.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle
        case connecting
        case connected(ChannelHandlerContext)
        case closed
    }

    let owner: ClusterMap.Owner
    // The loop outlives its links, and counting references to it would cost more than a frame.
    private unowned(unsafe) let loop: GatewayLoop
    @exclusivity(unchecked) private var state = State.idle
    private var reconnectDelayMilliseconds: Int64 = reconnectDelayMillisecondsMin
    /// Frames that wait for the end of this tick.
    let out = ByteBuilder(capacity: 64 << 10)
    private let assembler = FrameAssembler()
    /// Requests sent and not yet answered or given up.
    @exclusivity(unchecked) var inFlightCount = 0
    @exclusivity(unchecked) var isFlushScheduled = false
    /// Whether its worker owns nothing any more: once lost, the connection is not made again.
    var isRetiring = false

    /// Whether it has neither been connected nor failed to yet: what is for its worker may wait for that.
    private(set) var isAwaited = true

    /// Requests on their way to one worker; more are refused with 503.
    static let inFlightMax = 8192
    /// Bytes that may wait for a worker that does not read.
    static let waitingBytesMax = 4 << 20
    private static let reconnectDelayMillisecondsMin: Int64 = 20
    private static let reconnectDelayMillisecondsMax: Int64 = 1000

    init(owner: ClusterMap.Owner, loop: GatewayLoop) {
        self.owner = owner
        self.loop = loop
    }

    var isConnected: Bool { if case .connected = state { true } else { false } }

    /// Whether it will never be connected again.
    var isEnded: Bool { if case .closed = state { true } else { false } }

    var canTakeMore: Bool { inFlightCount < Self.inFlightMax && out.count < Self.waitingBytesMax }

    func connect() {
        guard case .idle = state else { return }
        state = .connecting
        var bootstrap = ClientBootstrap(group: loop.eventLoop).channelOption(.socketOption(.so_keepalive), value: 1)
        for option in LinkPatience.options {
            bootstrap = bootstrap.channelOption(.tcpOption(.init(rawValue: option.name)), value: option.value)
        }
        bootstrap
            .connectTimeout(.milliseconds(1000))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 << 10, maximum: 256 << 10)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try self.loop.connector.prepare(
                        channel, worker: self.owner.name, host: self.owner.host, logger: self.loop.logger)
                    try channel.pipeline.syncOperations.addHandler(self)
                }
            }
            .connect(host: owner.host, port: owner.port)
            .whenFailure { _ in self.connectFailed() }
    }

    private func connectFailed() {
        isAwaited = false
        if case .connecting = state { retryLater() }
    }

    private func retryLater() {
        state = .idle
        let delay = reconnectDelayMilliseconds
        reconnectDelayMilliseconds = min(delay * 2, Self.reconnectDelayMillisecondsMax)
        // Full jitter, so that many gateways do not come back in step.
        loop.eventLoop.scheduleTask(in: .milliseconds(Int64.random(in: 1...delay))) { self.connect() }
    }

    func close() {
        let before = state
        state = .closed
        if case .connected(let context) = before { context.close(promise: nil) }
        loop.linkFailed(self)
    }

    /// Sends what has gathered. A worker that does not read keeps it here, bounded, until it does.
    func flush() {
        isFlushScheduled = false
        guard case .connected(let context) = state, out.count > 0, context.channel.isWritable else { return }
        let buffer = loop.buffer(of: out.bytes)
        out.removeAll()
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    // MARK: ChannelInboundHandler

    func channelActive(context: ChannelHandlerContext) {
        if case .closed = state {
            context.close(promise: nil)
            return
        }
        state = .connected(context)
        isAwaited = false
        loop.linkConnected(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Not before: a worker that does not take our certificate says so only after the connection stands.
        reconnectDelayMilliseconds = Self.reconnectDelayMillisecondsMin
        let buffer = unwrapInboundIn(data)
        do {
            try buffer.withUnsafeReadableBytes { bytes in
                try assembler.receive(bytes) { loop.receiveReply($0, $1, from: self) }
            }
        } catch {
            loop.logger.error("worker sent a malformed frame", metadata: ["worker": "\(owner.name)", "error": "\(error)"])
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { loop.flushTransports() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flush() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        loop.logger.info("worker connection failed", metadata: ["worker": "\(owner.name)", "error": "\(error)"])
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        out.removeAll()
        assembler.reset()
        // It may end before it stands: a handshake that fails.
        if case .connecting = state { return connectFailed() }
        guard case .connected = state else { return }
        state = .idle
        loop.linkFailed(self)
        if isRetiring { state = .closed } else { retryLater() }
    }
}
