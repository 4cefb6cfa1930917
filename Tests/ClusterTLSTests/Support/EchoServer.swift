import NIOCore
import NIOPosix
import Synchronization

@testable import ClusterTLS

/// Says back what peers say, once they are known; a stand-in for a worker.
final class EchoServer: Sendable {
    let log: LogRecorder
    let port: Int
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let count: Counter

    /// Connections and bytes that have come through to the handler.
    var seen: (connections: Int, bytes: Int) { count.value }

    /// - Parameter credentials: nil: plaintext.
    init(
        _ credentials: ClusterCredentials?, places: Int = HandshakePlaces.countMax, limit: TimeAmount? = nil
    ) async throws {
        let log = LogRecorder()
        self.log = log
        let acceptor = credentials.map { TLSAcceptor($0, logger: log.logger, places: places, limit: limit) }
        let count = Counter()
        self.count = count
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try acceptor?.prepare(channel)
                    try channel.pipeline.syncOperations.addHandler(Echo(count: count))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async throws {
        try await channel.close()
        try await group.shutdownGracefully()
    }

    final class Counter: Sendable {
        private let state = Mutex((0, 0))
        var value: (connections: Int, bytes: Int) { state.withLock { ($0.0, $0.1) } }
        func connected() { state.withLock { $0.0 += 1 } }
        func heard(_ bytes: Int) { state.withLock { $0.1 += bytes } }
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let count: Counter

        init(count: Counter) { self.count = count }

        func channelActive(context: ChannelHandlerContext) { count.connected() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count.heard(unwrapInboundIn(data).readableBytes)
            context.writeAndFlush(data, promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
