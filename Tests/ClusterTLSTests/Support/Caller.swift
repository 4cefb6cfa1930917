import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import ClusterTLS

/// Connects once and says what came of it; a stand-in for a gateway.
enum Caller {
    enum Outcome: Equatable, Sendable {
        case answered(String)
        /// The connection stood for the handler and ended without an answer.
        case dropped
        /// The handler never heard of a connection.
        case refused
    }

    /// Says something as a gateway does to a worker of that name.
    static func ask(
        _ text: String = "how many?", port: Int, worker: String = "w1", connector: TLSConnector, host: String = "127.0.0.1",
        logger: Logger = LogRecorder().logger
    ) async throws -> Outcome {
        try await ask(text, port: port) { channel in
            try connector.prepare(channel, worker: worker, host: host, logger: logger)
        }
    }

    /// Says something through a pipeline of any kind.
    static func ask(
        _ text: String = "how many?", port: Int, prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Outcome {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = eventLoop.makePromise(of: Outcome.self)
        do {
            let channel = try await ClientBootstrap(group: eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try prepare(channel)
                        try channel.pipeline.syncOperations.addHandler(Asker(text: text, promise: promise))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            let timer = eventLoop.scheduleTask(in: .seconds(20)) { channel.close(promise: nil) }
            let outcome = try await promise.futureResult.get()
            timer.cancel()
            channel.close(promise: nil)
            return outcome
        } catch {
            promise.succeed(.refused)
            return .refused
        }
    }

    /// The client side of TLS without any of our checks.
    static func careless(
        _ paths: CredentialPaths? = nil, versionMax: TLSVersion? = nil
    ) -> @Sendable (any Channel) throws -> Void {
        { channel in
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.maximumTLSVersion = versionMax
            if let paths {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(paths.certificate).map { .certificate($0) }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: paths.key, format: .pem))
            }
            let handler = try NIOSSLClientHandler(context: NIOSSLContext(configuration: configuration), serverHostname: nil)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    private final class Asker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let text: String
        private let promise: EventLoopPromise<Outcome>
        private var answer = ""
        private var isConnected = false

        init(text: String, promise: EventLoopPromise<Outcome>) {
            self.text = text
            self.promise = promise
        }

        func channelActive(context: ChannelHandlerContext) {
            isConnected = true
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            answer += String(buffer: unwrapInboundIn(data))
            if answer.utf8.count >= text.utf8.count { promise.succeed(.answered(answer)) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelInactive(context: ChannelHandlerContext) { promise.succeed(isConnected ? .dropped : .refused) }

        func handlerRemoved(context: ChannelHandlerContext) { promise.succeed(isConnected ? .dropped : .refused) }
    }
}
