import ClusterTLS
import Core
import Glibc
import Logging
import NIOCore
import NIOPosix
import PostgresClient
import RedisClient
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// A gateway process: HTTP/2 and HTTP/1.1 in front, frames to the workers behind.
package final class GatewayService: Service {
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let writer: LineWriter
    private let onListening: (@Sendable (_ host: String, _ port: Int) -> Void)?

    /// How often the topology is looked at, and the servers' health. Milliseconds.
    private static let topologyPollMilliseconds = 100
    private static let healthPollMilliseconds = 1000
    /// How long open requests have at a shutdown.
    private static let drainMilliseconds = 5000

    /// - Parameters:
    ///   - writer: takes the access log's lines.
    ///   - onListening: told the address once clients can connect.
    package init(
        configuration: GatewayConfiguration, logger: Logger, writer: LineWriter,
        onListening: (@Sendable (_ host: String, _ port: Int) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.logger = logger
        self.writer = writer
        self.onListening = onListening
    }

    /// Serves until a graceful shutdown; then nothing new is accepted, and what is open is answered.
    /// - Throws: when the address is taken, the certificates do not fit, or PostgreSQL cannot be reached at the start or has another schema.
    package func run() async throws {
        let credentials = try await ClusterCredentials.load(
            configuration.credentials, role: .gateway, name: nil, logger: logger)
        let connector = TLSConnector(credentials)
        let backend = try GatewayBackend(configuration: configuration, logger: logger)
        try await backend.requireSchema()
        let currency = try await backend.currency()
        let table = try await backend.loadDirectory()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads))
        var loops: [ObjectIdentifier: GatewayLoop] = [:]
        for eventLoop in group.makeIterator() {
            eventLoop.execute { ShortSlices.take() }
            loops[ObjectIdentifier(eventLoop)] = GatewayLoop(
                eventLoop: eventLoop, configuration: configuration, table: table, currency: currency,
                journal: AccessJournal(mode: configuration.accessLog, writer: writer), service: backend, connector: connector,
                logger: logger)
        }
        backend.adopt(Array(loops.values))
        for loop in loops.values { try await loop.eventLoop.submit { loop.start() }.get() }
        await backend.followTopology()

        let channel: any Channel
        do {
            channel = try await bind(group, loops)
        } catch {
            await backend.shutdown()
            try? await group.shutdownGracefully()
            throw GatewayError.cannotListen(host: configuration.listenHost, port: configuration.port, reason: "\(error)")
        }
        let port = channel.localAddress?.port ?? configuration.port
        logger.notice("listening", metadata: ["host": "\(configuration.listenHost)", "port": "\(port)"])
        onListening?(configuration.listenHost, port)
        let registrar = backend.registrar(address: configuration.advertisedAddress ?? "\(configuration.listenHost):\(port)")
        // Also while open requests are answered at the end; and what it has begun is never cut short.
        let reporting = Task {
            await Self.every(GatewayRegistrar.renewalMilliseconds) {
                await Task { await registrar.report(backend.loadSample()) }.value
            }
        }

        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await Self.every(Self.topologyPollMilliseconds) { await backend.followTopology() } }
                tasks.addTask { await credentials?.follow() }
                tasks.addTask { await Self.every(Self.healthPollMilliseconds) { await backend.checkHealth() } }
            }
        }
        try? await channel.close()
        await drain(Array(loops.values))
        reporting.cancel()
        await reporting.value
        await Task { await registrar.leave() }.value
        for loop in loops.values { try? await loop.eventLoop.submit { loop.stop() }.get() }
        await backend.shutdown()
        try await group.shutdownGracefully()
        logger.notice("stopped")
        writer.flush()
    }

    private func bind(_ group: MultiThreadedEventLoopGroup, _ loops: [ObjectIdentifier: GatewayLoop]) async throws -> any Channel
    {
        let connectionsMax = configuration.connectionsPerThreadMax
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: configuration.sharesPort ? 1 : 0)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 16 << 10, maximum: 64 << 10)
            )
            .childChannelInitializer { channel in
                guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
                    return channel.eventLoop.makeFailedFuture(GatewayError.foreignEventLoop)
                }
                guard loop.connectionCount < connectionsMax else {
                    loop.metrics.refusedConnections &+= 1
                    return channel.eventLoop.makeFailedFuture(GatewayError.tooManyConnections)
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ProtocolSniffer(loop: loop))
                }
            }
            .bind(host: configuration.listenHost, port: configuration.port).get()
    }

    /// Tells clients to go, and gives open requests some time.
    private func drain(_ loops: [GatewayLoop]) async {
        let end = ContinuousClock.now + .milliseconds(Self.drainMilliseconds)
        for loop in loops { try? await loop.eventLoop.submit { loop.shutDown() }.get() }
        while ContinuousClock.now < end {
            var live = 0
            for loop in loops {
                live += (try? await loop.eventLoop.submit { loop.slab.liveCount + loop.connectionCount }.get()) ?? 0
            }
            if live == 0 { return }
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                return
            }
        }
    }

    private static func every(_ milliseconds: Int, _ work: () async -> Void) async {
        while !Task.isCancelled {
            await work()
            do {
                try await Task.sleep(for: .milliseconds(milliseconds))
            } catch {
                return
            }
        }
    }
}

/// Why a gateway could not start, or a connection could not be taken.
package enum GatewayError: Error, CustomStringConvertible {
    case cannotListen(host: String, port: Int, reason: String)
    case badCurrency(String)
    case tooManyConnections
    case foreignEventLoop

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason); choose another port with --port or end what uses it"
        case .badCurrency(let text): "fature_v2.programme has the currency '\(text)', which is not three capital letters; mend it"
        case .tooManyConnections: "too many connections"
        case .foreignEventLoop: "the connection came on an event loop that is not ours"
        }
    }
}
