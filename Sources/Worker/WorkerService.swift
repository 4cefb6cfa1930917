import ClusterTLS
import Core
import Frames
import Hierarchy
import Logging
import NIOCore
import NIOPosix
import Ownership
import PostgresClient
import ServiceLifecycle
import Store
import Synchronization

/// A worker process: holds the shards that the coordinator gives it, answers gateways about them and writes their changes.
///
/// Three tasks go on beside the event loop: one renews the lease, one follows who owns what, one follows what others have committed to our
/// shards. Each asks PostgreSQL on a connection of its own kind, so that slow writes never delay a lease.
package final class WorkerService: Service {
    private let configuration: WorkerConfiguration
    private let logger: Logger
    private let onListening: (@Sendable (_ host: String, _ port: Int) -> Void)?

    /// How often the topology is looked at, and the changes of others. Milliseconds.
    private static let topologyPollMilliseconds = 100
    private static let changePollMilliseconds = 30
    /// The longest pause before another attempt to reach PostgreSQL, for leases and for following others: well below a lease.
    private static let reconnectMillisecondsMax = 250
    private static let writeConnections = 4
    private static let wideConnections = 2
    private static let writesPendingMax = 8192
    /// They wait in a line of their own; what waits for a connection are those of a lease that was lost since.
    private static let catchUpsPendingMax = 64
    /// How long a group of transactions may take to end when the worker stops.
    private static let intakeEndMilliseconds: Int64 = 2000

    /// - Parameter onListening: told the address once gateways can connect.
    package init(
        configuration: WorkerConfiguration, logger: Logger, onListening: (@Sendable (_ host: String, _ port: Int) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until a graceful shutdown: then the shards are given back at once, before the connections close.
    /// - Throws: when the address is taken or beyond loopback without certificates, when those do not fit, or when PostgreSQL cannot be
    ///   reached at the start or has another schema.
    package func run() async throws {
        try CredentialPaths.require(configuration.credentials, toListenOn: configuration.listenHost)
        let credentials = try await ClusterCredentials.load(
            configuration.credentials, role: .worker, name: configuration.name, logger: logger)
        let acceptor = credentials.map { TLSAcceptor($0, logger: logger) }
        let url = configuration.databaseURL
        func database(_ purpose: String) throws -> PostgresConfiguration {
            try PostgresConfiguration(url: url, applicationName: "fature worker \(configuration.name) \(purpose)")
        }
        let control = try PostgresPool(
            configuration: database("control"), connections: 2, pendingMax: 64, connectWaitMilliseconds: 1000,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        let follow = try PostgresPool(
            configuration: database("follow"), connections: 1, pendingMax: 64, connectWaitMilliseconds: 1000,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        let moves = try PostgresPool(
            configuration: database("hand-offs"), connections: 2, pendingMax: 1024, connectWaitMilliseconds: 1000,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        let load = try PostgresPool(
            configuration: database("load"), connections: LoadLine.placesMax[0], pendingMax: ShardID.count)
        let ahead = try PostgresPool(
            configuration: database("load ahead"), connections: LoadLine.placesMax[1], pendingMax: ShardID.count)
        let write = try PostgresPool(
            configuration: database("write"), connections: Self.writeConnections, pendingMax: Self.writesPendingMax,
            connectWaitMilliseconds: 1000)
        let wide = try PostgresPool(
            configuration: database("moves"), connections: Self.wideConnections, pendingMax: Self.writesPendingMax,
            connectWaitMilliseconds: 1000)
        let catchUp = try PostgresPool(
            configuration: database("catch-ups"), connections: CatchUpLine.placesMax[0], pendingMax: Self.catchUpsPendingMax,
            connectWaitMilliseconds: 1000)
        let intake = try PostgresPool(
            configuration: PostgresConfiguration(
                url: url, applicationName: "fature worker \(configuration.name) intake",
                statementTimeoutMilliseconds: DatabasePatience.writeMilliseconds
            ).settings(LedgerSession.settings), connections: 1, pendingMax: 64,
            connectWaitMilliseconds: 1000)
        let currency = try await control.withConnection { connection in
            try Schema.requireCurrent(connection)
            return try Programme.currency(on: connection)
        }

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        group.next().execute { ShortSlices.take() }
        let loop = WorkerLoop(eventLoop: group.next(), currency: currency, logger: logger)
        let channel: any Channel
        do {
            var bootstrap = ServerBootstrap(group: group).childChannelOption(.socketOption(.so_keepalive), value: 1)
            for option in LinkPatience.options {
                bootstrap = bootstrap.childChannelOption(.tcpOption(.init(rawValue: option.name)), value: option.value)
            }
            channel =
                try await bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: 256)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 4 << 20))
                .childChannelOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 << 10, maximum: 256 << 10)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try acceptor?.prepare(channel)
                        try channel.pipeline.syncOperations.addHandler(GatewayConnection(loop: loop))
                    }
                }
                .bind(host: configuration.listenHost, port: configuration.port).get()
        } catch {
            try? await group.shutdownGracefully()
            throw WorkerError.cannotListen(host: configuration.listenHost, port: configuration.port, reason: "\(error)")
        }
        let port = channel.localAddress?.port ?? configuration.port
        onListening?(configuration.listenHost, port)
        logger.notice(
            "listening", metadata: ["host": "\(configuration.listenHost)", "port": "\(port)", "tls": "\(acceptor != nil)"])

        let ledger = try configuration.redisURL.map {
            try LedgerService(
                databaseURL: url, redisURL: $0, worker: configuration.name, lanes: configuration.paymentLanes, logger: logger)
        }
        if ledger == nil {
            logger.warning(
                "no Redis is named (REDIS_URL): transactions are accepted, and their commissions wait for a worker with one")
        }
        try ledger?.start()
        let steward = ShardSteward(
            loop: loop,
            pools: .init(
                load: load, ahead: ahead, write: write, wide: wide, catchUp: catchUp, intake: intake, moves: moves, follow: follow
            ),
            ledger: ledger, logger: logger)
        try await loop.eventLoop.submit { loop.steward = steward }.get()
        let tenant = ShardTenant(
            configuration: configuration, address: configuration.advertisedAddress ?? "\(configuration.listenHost):\(port)",
            steward: steward, control: control, follow: follow, logger: logger)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await Self.keepLease(tenant) }
            tasks.addTask { await Self.every(.milliseconds(Self.topologyPollMilliseconds)) { await tenant.followTopology() } }
            tasks.addTask { await Self.every(.milliseconds(Self.changePollMilliseconds)) { await tenant.followChanges() } }
            tasks.addTask { await credentials?.follow() }
            // Returns when we are asked to stop, or cancelled.
            try? await gracefulShutdown()
            tenant.beginLeaving()
            // Payments end first: what is in hand is committed or given back while the shards are still ours, and as up to date as ever.
            await ledger?.stopPaying()
            tasks.cancelAll()
        }
        // Also when the time for an orderly end is over and this task is cancelled.
        await Task { await tenant.leave() }.value
        // What waits is told that it has to go elsewhere, and what is on its way to PostgreSQL what became of it, before the connections close.
        let passes = try? await loop.eventLoop.submit {
            steward.stopLooking()
            steward.end()
            return steward.stopLoads()
        }.get()
        if await !loop.intakeEnds(withinMilliseconds: Self.intakeEndMilliseconds) {
            logger.warning("transactions on their way to PostgreSQL did not end in time: their callers ask again")
        }
        await ledger?.stopFeeding()
        try? await channel.close()
        try? await loop.eventLoop.submit { loop.closeConnections() }.get()
        for pool in [control, follow, moves, load, ahead, write, wide, catchUp, intake] { await pool.shutdown() }
        for pass in passes ?? [] { await pass.value }
        try await group.shutdownGracefully()
        logger.notice("stopped")
    }

    /// Asks what the lease's keeper asks for, whenever it does.
    private static func keepLease(_ tenant: ShardTenant) async {
        while !Task.isCancelled, let next = await tenant.keepLease() {
            let now = monotonicNow()
            guard next > now else { continue }
            do { try await Task.sleep(nanoseconds: next - now) } catch { return }
        }
    }

    /// Repeats `work`, beginning each time `interval` after the last one began, or at once if that took longer.
    private static func every(_ interval: Duration, _ work: () async -> Void) async {
        while !Task.isCancelled {
            let next = ContinuousClock.now + interval
            await work()
            do {
                try await Task.sleep(until: next, clock: .continuous)
            } catch {
                return
            }
        }
    }
}

/// Why a worker could not start.
package enum WorkerError: Error, CustomStringConvertible {
    case cannotListen(host: String, port: Int, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason); choose another port or end what uses it"
        }
    }
}
