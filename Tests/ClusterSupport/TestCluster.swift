import Foundation
import Glibc
import PostgresClient
import Store
import Synchronization
import TestServers

/// A cluster of real processes on a database of its own: the roles of the built executable, each of which can be killed, frozen and
/// started again. All of them die with the test process.
package final class TestCluster: Sendable {
    private struct Role {
        var process: ServerProcess
        var log: String
        var port: Int?
    }

    package let server: PrivatePostgres
    package let database: TestDatabase
    /// Without it, nothing is queued.
    package let redis: PrivateRedis?
    private let scratch: ScratchFolder
    private let roles = Mutex<[String: Role]>([:])
    private let boots = Atomic<Int>(0)
    /// A proxy's port, where workers are to reach PostgreSQL through one.
    private let workersPort: Int?

    package static let leaseMilliseconds = 2500

    private init(server: PrivatePostgres, database: TestDatabase, redis: PrivateRedis?, workersPort: Int?) throws {
        self.redis = redis
        self.workersPort = workersPort
        self.server = server
        self.database = database
        scratch = try ScratchFolder("cluster")
    }

    deinit {
        for role in roles.withLock({ Array($0.values) }) { role.process.end() }
    }

    /// Starts everything and waits until both gateways reach every shard.
    ///
    /// - Parameter environment: settings of some of the roles, each as `NAME=value`, by the role's name.
    package static func start(
        workers: Int = 2, gateways: Int = 2, affiliates: Int = 3000, seed: UInt64 = 1, on server: PrivatePostgres? = nil,
        redis: PrivateRedis? = nil, workersReachPostgresAt workersPort: Int? = nil, environment: [String: [String]] = [:]
    ) async throws -> TestCluster {
        let home: PrivatePostgres = if let server { server } else { try await PrivatePostgres.shared() }
        let cluster = try TestCluster(
            server: home, database: try await TestDatabase.create(on: home), redis: redis, workersPort: workersPort)
        try await blocking {
            let connection = try cluster.connect()
            try Schema.migrate(connection)
            try TestNetwork.fill(connection, affiliates: affiliates, seed: seed)
            try cluster.startCoordinator(
                "coordinator-1", expectedWorkers: workers, environment: environment["coordinator-1"] ?? [])
            for name in (1...workers).map({ "worker-\($0)" }) {
                try cluster.startWorker(name, environment: environment[name] ?? [])
            }
            for name in (1...gateways).map({ "gateway-\($0)" }) {
                try cluster.startGateway(name, environment: environment[name] ?? [])
            }
            try cluster.waitUntilReady()
        }
        return cluster
    }

    /// Runs blocking work away from Swift's few cooperative threads, still as part of the test, so that what it expects is the test's.
    package static func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try body() }
    }

    package func connect() throws -> PostgresConnection { try database.connect() }

    // MARK: Roles

    package func startCoordinator(_ name: String, expectedWorkers: Int = 1, environment: [String] = []) throws {
        try launch(name, ["coordinator", "--expected-workers", "\(expectedWorkers)"], environment)
    }

    package func startWorker(_ name: String, environment: [String] = []) throws {
        try launch(name, ["worker", "--name", name], environment)
    }

    /// Returns the port once the gateway listens: the one given, or the one it had in an earlier life, if it had one.
    @discardableResult
    package func startGateway(_ name: String, port given: Int? = nil, environment: [String] = []) throws -> Int {
        try launch(
            name, ["gateway", "--name", name, "--listen-port", "\(given ?? port(name))", "--access-log", "off"], environment)
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if let port = listeningPort(name) {
                roles.withLock { $0[name]?.port = port }
                return port
            }
            guard isRunning(name) else { throw TestServerError("\(name) ended:\n\(log(name))") }
            usleep(10_000)
        }
        throw TestServerError("\(name) does not listen:\n\(log(name))")
    }

    private func launch(_ name: String, _ arguments: [String], _ given: [String] = []) throws {
        // The log of an earlier life must not be taken for this one's.
        let log = "\(scratch.path)/\(name)-\(boots.add(1, ordering: .relaxed).newValue).log"
        var url = database.url
        if let workersPort, arguments.first == "worker" {
            url = url.replacingOccurrences(of: ":\(server.port)/", with: ":\(workersPort)/")
        }
        let environment = ["DATABASE_URL=\(url)", "LOG_LEVEL=info"] + (redis.map { ["REDIS_URL=\($0.url)"] } ?? []) + given
        let process = try ServerProcess(
            log: log, command: ["env", "-u", "REDIS_URL"] + environment + [try Self.executable()] + arguments)
        roles.withLock { $0[name] = Role(process: process, log: log, port: $0[name]?.port) }
    }

    /// The product, built beside the tests.
    package static func executable() throws -> String {
        let ourselves = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let path = ourselves.deletingLastPathComponent().appendingPathComponent("fature").path
        guard access(path, X_OK) == 0 else { throw TestServerError("there is no executable fature beside \(ourselves.path)") }
        return path
    }

    /// Where a coordinator answers operators, once it does.
    package func administrationPort(_ name: String = "coordinator-1") throws -> Int {
        var port: Int?
        try Self.wait("\(name) answers operators") {
            port = listeningPort(name, says: "operators are answered")
            return port != nil
        }
        return port ?? 0
    }

    private func listeningPort(_ name: String, says words: String = "listening") -> Int? {
        for line in log(name).split(separator: "\n") where line.contains("\"\(words)\"") {
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let fields = object?["fields"] as? [String: Any] ?? object ?? [:]
            if let port = fields["port"] { return Int("\(port)") }
        }
        return nil
    }

    package func port(_ gateway: String = "gateway-1") -> Int { roles.withLock { $0[gateway]?.port } ?? 0 }
    package func client(_ gateway: String = "gateway-1", timeoutMilliseconds: Int = 10_000) -> HTTPClient {
        HTTPClient(port: port(gateway), timeoutMilliseconds: timeoutMilliseconds)
    }
    package func log(_ name: String) -> String { roles.withLock { $0[name]?.log }.flatMap { ChildProcess.contents($0) } ?? "" }
    /// The process of a role, once it has been started.
    package func pid(_ name: String) -> pid_t? { roles.withLock { $0[name]?.process.pid } }
    package func isRunning(_ name: String) -> Bool { roles.withLock { $0[name]?.process.isRunning } ?? false }

    package func isStopped(_ name: String) -> Bool { roles.withLock { $0[name]?.process.isStopped } ?? false }

    /// Asks a role to end in order.
    package func end(_ name: String) { signal(name, SIGTERM) }
    package func kill(_ name: String) { signal(name, SIGKILL) }
    /// Ends a role for good: nobody waits for it to be ready any more.
    package func retire(_ name: String) {
        kill(name)
        roles.withLock { _ = $0.removeValue(forKey: name) }
    }

    package func freeze(_ name: String) { signal(name, SIGSTOP) }
    package func wake(_ name: String) { signal(name, SIGCONT) }

    private func signal(_ name: String, _ number: Int32) {
        if let pid = roles.withLock({ $0[name]?.process.pid }) { Glibc.kill(pid, number) }
    }

    // MARK: Waiting

    package func waitUntilReady(seconds: Int = 30) throws {
        for gateway in roles.withLock({ $0.keys.filter { $0.hasPrefix("gateway") } }) {
            let client = client(gateway)
            try Self.wait("\(gateway) ready", seconds: seconds) { (try? client.get("/ready").status) == 200 && servesAll(client) }
        }
    }

    /// `/ready` tells of connections; a statistic needs every shard loaded.
    private func servesAll(_ client: HTTPClient) -> Bool { (try? client.get("/api/v2/stats").status) == 200 }

    /// Asks until it is so. There is nobody who would tell.
    package static func wait(_ what: String, seconds: Int = 20, until isSo: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !isSo() {
            guard ContinuousClock.now < end else { throw TestServerError("not within \(seconds) s: \(what)") }
            usleep(5_000)
        }
    }

    /// The worker that owns a shard, as PostgreSQL has it.
    package func owner(ofShard shard: Int, _ connection: PostgresConnection) throws -> String? {
        let result = try connection.execute(
            "SELECT w.name FROM fature_v2.shard s JOIN fature_v2.worker_lease w ON w.instance_id = s.owner WHERE s.id = $1",
            [.int(Int64(shard))])
        return result.rowCount == 0 ? nil : try result.text(0, 0)
    }

    /// The shards of a worker, as PostgreSQL has it.
    package func shards(of worker: String, _ connection: PostgresConnection) throws -> Set<Int> {
        let result = try connection.execute(
            "SELECT s.id FROM fature_v2.shard s JOIN fature_v2.worker_lease w ON w.instance_id = s.owner WHERE w.name = $1",
            [.text(worker)])
        return Set(try (0..<result.rowCount).map { Int(try result.int($0, 0)) })
    }
}
