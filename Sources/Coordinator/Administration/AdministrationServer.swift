import Administration
import ClusterTLS
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers operators over HTTP, beside what the coordinator does and whether it leads or not: all that is asked for is done by PostgreSQL.
///
/// On an event loop of its own, with connections to PostgreSQL of its own.
final class AdministrationServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let loop: NIOLoopBound<AdministrationLoop>
    private let desk: AdministrationDesk
    private let following: Task<Void, Never>?

    private static let backlog: Int32 = 64

    /// The one that is listened on.
    var port: Int { channel.localAddress?.port ?? 0 }

    /// Listens from then on.
    /// - Throws: beyond loopback without certificates, when those do not fit, when the address is taken.
    static func start(
        _ configuration: AdministrationConfiguration, databaseURL: String, logger: Logger
    ) async throws -> AdministrationServer {
        let address = configuration.address
        try configuration.requireCredentials()
        let credentials = try await ClusterCredentials.load(
            configuration.credentials, role: .coordinator, name: nil, logger: logger)
        let limits = configuration.limits
        let acceptor = credentials.map { TLSAcceptor($0, logger: logger, places: limits.connectionsMax) }
        let desk = try AdministrationDesk(databaseURL: databaseURL, limits: limits, logger: logger)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let token = configuration.token
        let loop = try await eventLoop.submit {
            NIOLoopBound(AdministrationLoop(limits: limits, token: token, desk: desk, logger: logger), eventLoop: eventLoop)
        }.get()
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: backlog)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try prepare(channel, acceptor, loop.value) }
                }
                .bind(host: address.host, port: address.port).get()
            let port = channel.localAddress?.port ?? address.port
            logger.notice(
                "operators are answered", metadata: ["host": "\(address.host)", "port": "\(port)", "tls": "\(acceptor != nil)"])
            let following = credentials.map { credentials in Task { await credentials.follow() } }
            return AdministrationServer(group: group, channel: channel, loop: loop, desk: desk, following: following)
        } catch {
            await desk.shutdown()
            try? await group.shutdownGracefully()
            throw CoordinatorError.cannotListen(address: "\(address)", reason: "\(error)")
        }
    }

    private init(
        group: MultiThreadedEventLoopGroup, channel: any Channel, loop: NIOLoopBound<AdministrationLoop>,
        desk: AdministrationDesk,
        following: Task<Void, Never>?
    ) {
        self.group = group
        self.channel = channel
        self.loop = loop
        self.desk = desk
        self.following = following
    }

    private static func prepare(_ channel: any Channel, _ acceptor: TLSAcceptor?, _ loop: AdministrationLoop) throws {
        let peer = try acceptor?.prepare(channel)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = loop.limits.headBytesMax
        limits.maxHeaderListSize = loop.limits.headBytesMax
        limits.maxHeaderFieldCount = loop.limits.headersMax
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        try channel.pipeline.syncOperations.addHandlers([
            HTTPResponseEncoder(), ByteToMessageHandler(decoder), AdministrationConnection(loop: loop, peer: peer),
        ])
    }

    /// Takes no more connections, answers what is under way, and returns when that is done or has taken too long.
    func shutDown(logger: Logger) async {
        following?.cancel()
        do {
            try await channel.close()
        } catch {
            logger.debug("the operators' port was closed already", metadata: ["error": "\(error)"])
        }
        let loop = loop
        let eventLoop = group.next()
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute {
            loop.value.shutDown(promise)
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(AdministrationLimits.shutdownMilliseconds)) {
                loop.value.cut()
                promise.succeed()
            }
        }
        do {
            try await promise.futureResult.get()
            await desk.shutdown()
            try await group.shutdownGracefully()
        } catch {
            logger.warning("the operators' connections did not end in order", metadata: ["error": "\(error)"])
        }
    }
}
