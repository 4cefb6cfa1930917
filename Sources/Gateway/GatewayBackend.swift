import Core
import Logging
import PostgresClient
import RedisClient
import Store
import Synchronization

/// What the event loops share: PostgreSQL and Redis, the topology, the directory's table.
final class GatewayBackend: GatewayServices {
    private struct State {
        var map = ClusterMap.empty
        var health = HealthReport()
        var healthChecks = 0
        var loops: [GatewayLoop] = []
        var isRefreshingTopology = false
        var isRefreshingDirectory = false
    }

    private let configuration: GatewayConfiguration
    private let logger: Logger
    /// Look-ups of affiliates, apart from the rest so that neither waits for the other.
    private let lookups: PostgresPool
    /// The topology, the servers' health, and this gateway's lease: neither waits for the other.
    private let control: PostgresPool
    /// For reading the whole directory, which takes seconds where there are many.
    private let loads: PostgresPool
    private let ledger: LedgerDesk
    private let redis: RedisProbe?
    private let state = Mutex(State())
    private let lookupQueries = Atomic<Int>(0)
    private let controlQueries = Atomic<Int>(0)

    private static let patienceMilliseconds = 1500
    /// Dead letters are counted once in so many looks at the health.
    private static let deadLettersCountedEvery = 10
    /// What a worker has not renewed for so long is not shown.
    private static let queueFiguresMillisecondsMax: Int64 = 30_000
    /// The longest pause before another attempt to reach PostgreSQL.
    private static let reconnectMillisecondsMax = 250
    private static let loadMilliseconds = 120_000

    init(configuration: GatewayConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        func database(_ purpose: String) throws -> PostgresConfiguration {
            try PostgresConfiguration(url: configuration.databaseURL, applicationName: "fature gateway \(purpose)")
        }
        lookups = try PostgresPool(
            configuration: database("look-ups"), connections: max(1, configuration.threads), pendingMax: 256,
            connectWaitMilliseconds: 500, reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        control = try PostgresPool(
            configuration: database("control"), connections: 2, pendingMax: 64, connectWaitMilliseconds: 1000,
            reconnectMillisecondsMax: Self.reconnectMillisecondsMax)
        loads = try PostgresPool(
            configuration: database("directory"), connections: 1, pendingMax: 4, connectWaitMilliseconds: 1000)
        ledger = try LedgerDesk(databaseURL: configuration.databaseURL, logger: logger)
        redis = try configuration.redisURL.map { try RedisProbe(url: $0) }
        if redis == nil { state.withLock { $0.health.redis = .notConfigured } }
    }

    func requireSchema() async throws {
        try await control.withConnection { try Schema.requireCurrent($0) }
    }

    /// The programme's currency, which stays as it is while a gateway runs.
    func currency() async throws -> Currency {
        let text = try await control.withConnection { try Programme.currency(on: $0) }
        guard let currency = Currency(text) else { throw GatewayError.badCurrency(text) }
        return currency
    }

    func adopt(_ loops: [GatewayLoop]) { state.withLock { $0.loops = loops } }

    func shutdown() async {
        await lookups.shutdown()
        await control.shutdown()
        await loads.shutdown()
        await ledger.shutdown()
        await redis?.shutdown()
        state.withLock { $0.loops = [] }
    }

    private func onEachLoop(_ work: @escaping @Sendable (GatewayLoop) -> Void) {
        for loop in state.withLock({ $0.loops }) { loop.eventLoop.execute { work(loop) } }
    }

    // MARK: The directory

    /// Reads where every affiliate is.
    func loadDirectory() async throws -> AffiliateDirectoryTable {
        let started = monotonicNow()
        let table = try await loads.withConnection { connection in
            let expected = try connection.execute(
                "SELECT COALESCE(sum(affiliates_count), 0)::bigint FROM fature_v2.shard_sequence"
            ).int(0, 0)
            var table = AffiliateDirectoryTable(expected: Int(expected) * 11 / 10 + 1024)
            _ = try DirectoryQueries.load(on: connection, timeoutMilliseconds: Self.loadMilliseconds) { id, shard in
                if !table.insert(id.rawValue, shard: shard.rawValue) {
                    table = table.grown()
                    _ = table.insert(id.rawValue, shard: shard.rawValue)
                }
            }
            return table
        }
        logger.notice(
            "directory loaded",
            metadata: ["affiliates": "\(table.count)", "milliseconds": "\((monotonicNow() - started) / 1_000_000)"])
        return table
    }

    func refreshDirectory() {
        let mayBegin = state.withLock { state in
            defer { state.isRefreshingDirectory = true }
            return !state.isRefreshingDirectory
        }
        guard mayBegin else { return }
        Task {
            do {
                let table = try await loadDirectory()
                onEachLoop { $0.directory.replaceTable(table) }
            } catch {
                logger.warning("the directory could not be read again", metadata: ["error": "\(error)"])
            }
            state.withLock { $0.isRefreshingDirectory = false }
        }
    }

    func locate(_ ids: [Int64], _ done: @escaping @Sendable ([Int64: LocatedShard]?) -> Void) {
        lookupQueries.wrappingAdd(1, ordering: .relaxed)
        Task {
            do {
                let found = try await lookups.withConnection {
                    try AffiliateLocations.find(ids, on: $0, timeoutMilliseconds: Self.patienceMilliseconds)
                }
                done(found.mapValues { LocatedShard(shard: $0.shard, sequence: $0.sequence) })
            } catch {
                logger.warning("affiliates could not be looked up", metadata: ["count": "\(ids.count)", "error": "\(error)"])
                done(nil)
            }
        }
    }

    func askLedger(
        _ question: LedgerQuestion, deadline: MonotonicNanoseconds, _ done: @escaping @Sendable (LedgerAnswer) -> Void
    ) {
        ledger.ask(question, deadline: deadline, done)
    }

    // MARK: The topology

    func refreshTopology() {
        let mayBegin = state.withLock { state in
            defer { state.isRefreshingTopology = true }
            return !state.isRefreshingTopology
        }
        guard mayBegin else { return }
        Task {
            await followTopology()
            state.withLock { $0.isRefreshingTopology = false }
        }
    }

    /// Looks whether owners have changed, and tells the loops.
    func followTopology() async {
        controlQueries.wrappingAdd(1, ordering: .relaxed)
        let known = state.withLock { $0.map.mark }
        do {
            let newer = try await control.withConnection { try Self.readMap(otherThan: known, $0) }
            guard let newer else { return }
            state.withLock { $0.map = newer }
            onEachLoop { $0.apply(newer) }
        } catch {
            logger.debug("the topology could not be read", metadata: ["error": "\(error)"])
        }
    }

    private static func readMap(otherThan known: TopologyMark, _ connection: PostgresConnection) throws -> ClusterMap? {
        let mark = try OwnershipQueries.topologyMark(on: connection, timeoutMilliseconds: patienceMilliseconds)
        guard mark != known else { return nil }
        let topology = try OwnershipQueries.topology(on: connection, timeoutMilliseconds: patienceMilliseconds)
        let workers = try OwnershipQueries.workers(on: connection, timeoutMilliseconds: patienceMilliseconds)
        return ClusterMap(topology, workers: workers, mark: mark)
    }

    // MARK: Being there

    /// Who tells PostgreSQL that this gateway is there.
    func registrar(address: String) -> GatewayRegistrar {
        GatewayRegistrar(
            GatewayRegistration(name: configuration.name, address: address, version: buildVersion), pool: control, logger: logger)
    }

    /// What the event loops have to say for the gateway's report, added up.
    func loadSample() async -> LoadSample {
        var sum = LoadSample()
        for loop in state.withLock({ $0.loops }) {
            guard let part = try? await loop.eventLoop.submit({ loop.loadSample }).get() else { continue }
            sum.add(part)
        }
        return sum
    }

    // MARK: Health and metrics

    var health: HealthReport { state.withLock { $0.health } }

    var databaseQueries: [(purpose: String, count: Int)] {
        [
            ("affiliate_lookup", lookupQueries.load(ordering: .relaxed)),
            ("topology_and_health", controlQueries.load(ordering: .relaxed)),
        ] + ledger.queries
    }

    func checkHealth() async {
        controlQueries.wrappingAdd(1, ordering: .relaxed)
        let started = monotonicNow()
        var report = health
        do {
            let known = report.deadLetters
            // Counting reads every one of them.
            let isCounting = state.withLock { state in
                defer { state.healthChecks += 1 }
                return state.healthChecks % Self.deadLettersCountedEvery == 0
            }
            (report.queues, report.deadLetters) = try await control.withConnection { connection in
                let queues = try QueueFigures.read(
                    ageMillisecondsMax: Self.queueFiguresMillisecondsMax, on: connection,
                    timeoutMilliseconds: Self.patienceMilliseconds)
                return (queues, isCounting ? try DeadLetters.openCounts(on: connection) : known)
            }
            report.postgres = .ok
        } catch {
            report.postgres = .down
        }
        report.postgresMicroseconds = Int64((monotonicNow() - started) / 1000)
        if let redis {
            let started = monotonicNow()
            report.redis = await redis.isAlive() ? .ok : .down
            report.redisMicroseconds = Int64((monotonicNow() - started) / 1000)
        }
        state.withLock { $0.health = report }
    }

    func collectMetrics(_ done: @escaping @Sendable (RequestMetrics) -> Void) {
        let loops = state.withLock { $0.loops }
        let sum = Mutex((RequestMetrics(), loops.count))
        let shared = SharedSum(sum: sum)
        for loop in loops {
            loop.eventLoop.execute {
                let complete = shared.add(loop.snapshot())
                if let complete { done(complete) }
            }
        }
    }
}

/// Adds up the counters of the loops; the last one to come gets the sum.
private final class SharedSum: Sendable {
    private let sum: Mutex<(RequestMetrics, Int)>

    init(sum: consuming Mutex<(RequestMetrics, Int)>) { self.sum = sum }

    func add(_ part: RequestMetrics) -> RequestMetrics? {
        sum.withLock { sum in
            sum.0.add(part)
            sum.1 -= 1
            return sum.1 == 0 ? sum.0 : nil
        }
    }
}
