import Foundation
import Glibc
import PostgresClient
import Store
import Synchronization
import TestServers

/// A cluster of real processes on a database of its own: the roles of the built executable, each of which can be killed, frozen and
/// started again. All of them die with the test process.
final class TestCluster: Sendable {
    private struct Role {
        var process: ServerProcess
        var log: String
        var port: Int?
    }

    let server: PrivatePostgres
    let database: TestDatabase
    private let scratch: ScratchFolder
    private let roles = Mutex<[String: Role]>([:])
    private let boots = Atomic<Int>(0)
    /// A proxy's port, where workers are to reach PostgreSQL through one.
    private let workersPort: Int?

    static let leaseMilliseconds = 2500

    private init(server: PrivatePostgres, database: TestDatabase, workersPort: Int?) throws {
        self.workersPort = workersPort
        self.server = server
        self.database = database
        scratch = try ScratchFolder("cluster")
    }

    deinit {
        for role in roles.withLock({ Array($0.values) }) { role.process.end() }
    }

    /// Starts everything and waits until both gateways reach every shard.
    static func start(
        workers: Int = 2, gateways: Int = 2, affiliates: Int = 3000, seed: UInt64 = 1, on server: PrivatePostgres? = nil,
        workersReachPostgresAt workersPort: Int? = nil
    ) async throws -> TestCluster {
        let home: PrivatePostgres = if let server { server } else { try await PrivatePostgres.shared() }
        let cluster = try TestCluster(server: home, database: try await TestDatabase.create(on: home), workersPort: workersPort)
        try await blocking {
            let connection = try cluster.connect()
            try Schema.migrate(connection)
            try TestNetwork.fill(connection, affiliates: affiliates, seed: seed)
            try cluster.startCoordinator("coordinator-1", expectedWorkers: workers)
            for number in 1...workers { try cluster.startWorker("worker-\(number)") }
            for number in 1...gateways { _ = try cluster.startGateway("gateway-\(number)") }
            try cluster.waitUntilReady()
        }
        return cluster
    }

    /// Runs blocking work away from Swift's few cooperative threads, still as part of the test, so that what it expects is the test's.
    static func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try body() }
    }

    func connect() throws -> PostgresConnection { try database.connect() }

    // MARK: Roles

    func startCoordinator(_ name: String, expectedWorkers: Int = 1) throws {
        try launch(name, ["coordinator", "--expected-workers", "\(expectedWorkers)"])
    }

    func startWorker(_ name: String) throws { try launch(name, ["worker", "--name", name]) }

    /// Returns the port once the gateway listens.
    @discardableResult
    func startGateway(_ name: String) throws -> Int {
        try launch(name, ["gateway", "--listen-port", "0", "--access-log", "off"])
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

    private func launch(_ name: String, _ arguments: [String]) throws {
        // The log of an earlier life must not be taken for this one's.
        let log = "\(scratch.path)/\(name)-\(boots.add(1, ordering: .relaxed).newValue).log"
        var url = database.url
        if let workersPort, arguments.first == "worker" {
            url = url.replacingOccurrences(of: ":\(server.port)/", with: ":\(workersPort)/")
        }
        let environment = ["DATABASE_URL=\(url)", "LOG_LEVEL=info"]
        let process = try ServerProcess(
            log: log, command: ["env", "-u", "REDIS_URL"] + environment + [try Self.executable()] + arguments)
        roles.withLock { $0[name] = Role(process: process, log: log) }
    }

    /// The product, built beside the tests.
    private static func executable() throws -> String {
        let ourselves = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let path = ourselves.deletingLastPathComponent().appendingPathComponent("fature").path
        guard access(path, X_OK) == 0 else { throw TestServerError("there is no executable fature beside \(ourselves.path)") }
        return path
    }

    private func listeningPort(_ name: String) -> Int? {
        for line in log(name).split(separator: "\n") where line.contains("\"listening\"") {
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let fields = object?["fields"] as? [String: Any] ?? object ?? [:]
            if let port = fields["port"] { return Int("\(port)") }
        }
        return nil
    }

    func port(_ gateway: String = "gateway-1") -> Int { roles.withLock { $0[gateway]?.port } ?? 0 }
    func client(_ gateway: String = "gateway-1", timeoutMilliseconds: Int = 10_000) -> HTTPClient {
        HTTPClient(port: port(gateway), timeoutMilliseconds: timeoutMilliseconds)
    }
    func log(_ name: String) -> String { roles.withLock { $0[name]?.log }.flatMap { ChildProcess.contents($0) } ?? "" }
    func isRunning(_ name: String) -> Bool { roles.withLock { $0[name]?.process.isRunning } ?? false }

    func kill(_ name: String) { signal(name, SIGKILL) }
    func freeze(_ name: String) { signal(name, SIGSTOP) }
    func wake(_ name: String) { signal(name, SIGCONT) }

    private func signal(_ name: String, _ number: Int32) {
        if let pid = roles.withLock({ $0[name]?.process.pid }) { Glibc.kill(pid, number) }
    }

    // MARK: Waiting

    func waitUntilReady(seconds: Int = 30) throws {
        for gateway in roles.withLock({ $0.keys.filter { $0.hasPrefix("gateway") } }) {
            let client = client(gateway)
            try Self.wait("\(gateway) ready", seconds: seconds) { (try? client.get("/ready").status) == 200 && servesAll(client) }
        }
    }

    /// `/ready` tells of connections; a statistic needs every shard loaded.
    private func servesAll(_ client: HTTPClient) -> Bool { (try? client.get("/api/v2/stats").status) == 200 }

    /// Asks until it is so. There is nobody who would tell.
    static func wait(_ what: String, seconds: Int = 20, until isSo: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !isSo() {
            guard ContinuousClock.now < end else { throw TestServerError("not within \(seconds) s: \(what)") }
            usleep(5_000)
        }
    }

    /// The worker that owns a shard, as PostgreSQL has it.
    func owner(ofShard shard: Int, _ connection: PostgresConnection) throws -> String? {
        let result = try connection.execute(
            "SELECT w.name FROM fature_v2.shard s JOIN fature_v2.worker_lease w ON w.instance_id = s.owner WHERE s.id = $1",
            [.int(Int64(shard))])
        return result.rowCount == 0 ? nil : try result.text(0, 0)
    }

    /// The shards of a worker, as PostgreSQL has it.
    func shards(of worker: String, _ connection: PostgresConnection) throws -> Set<Int> {
        let result = try connection.execute(
            "SELECT s.id FROM fature_v2.shard s JOIN fature_v2.worker_lease w ON w.instance_id = s.owner WHERE w.name = $1",
            [.text(worker)])
        return Set(try (0..<result.rowCount).map { Int(try result.int($0, 0)) })
    }
}
