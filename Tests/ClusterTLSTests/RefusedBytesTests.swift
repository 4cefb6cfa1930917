import NIOCore
import NIOPosix
import NIOTLS
import Synchronization
import Testing

@testable import ClusterTLS

/// TLS whose handshake ends with the first bytes, which it hands on at once: as with a session that is resumed, or with what is sent early.
private final class EarlyTLS: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
        context.fireChannelRead(data)
    }
}

/// What has come through to a connection's handler.
private final class Heard: Sendable {
    private let state = Mutex((connections: 0, bytes: 0, causes: [String]()))
    /// Connections and bytes.
    var value: [Int] { state.withLock { [$0.connections, $0.bytes] } }
    /// Why peers were refused.
    var causes: [String] { state.withLock { $0.causes } }

    func refused(_ refusal: PeerRefusal) { state.withLock { $0.causes.append(refusal.cause) } }
    func connected() { state.withLock { $0.connections += 1 } }
    func heard(_ bytes: Int) { state.withLock { $0.bytes += bytes } }

    final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let heard: Heard

        init(_ heard: Heard) { self.heard = heard }

        func channelActive(context: ChannelHandlerContext) { heard.connected() }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard.heard(unwrapInboundIn(data).readableBytes)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct RefusedBytesTests {
    @Test("what comes with the end of a handshake that has shown no certificate goes no further", arguments: [true, false])
    func dropped(isAccepting: Bool) async throws {
        let heard = Heard()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = EarlyTLS()
                    let gate = HandshakeGate(
                        isAccepting ? .accepting(HandshakePlaces()) : .connecting, verdict: PeerVerdict(), tls: tls,
                        peer: "127.0.0.1",
                        limit: .seconds(20), tell: { heard.refused($0) })
                    try channel.pipeline.syncOperations.addHandlers([tls, gate, Heard.Handler(heard)])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port ?? 0
        let client = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        try await client.writeAndFlush(ByteBuffer(string: "a frame of someone unknown"))
        // Closed by the other side, when it has read all.
        try await client.closeFuture.get()
        #expect(heard.causes == ["unjudged"])
        #expect(heard.value == [0, 0])
        try await listener.close()
        try await group.shutdownGracefully()
    }
}
