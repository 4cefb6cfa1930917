import Foundation
import TestServers

/// A coordinator, two workers and a gateway over a private PostgreSQL with one root and 3,000 affiliates below it.
final class Cluster: Sendable {
    static let affiliates = 3000
    let folder: String
    let databaseURL: String
    let coordinator: Role
    let workers: [Role]
    let gateway: Role
    let port: Int
    let workerPorts: [Int]

    private init(databaseURL: String, folder: String) throws {
        self.folder = folder
        self.databaseURL = databaseURL
        let csv = "\(folder)/network.csv"
        try Role.run("migrate", ["db", "migrate"], databaseURL: databaseURL, folder: folder)
        try Role.run(
            "generate", ["generate", "--profile", "star", "--affiliates", "\(Self.affiliates)", "--csv", csv],
            databaseURL: databaseURL, folder: folder)
        try Role.run("import", ["import", "affiliates", csv], databaseURL: databaseURL, folder: folder)
        coordinator = try Role(
            "coordinator", ["coordinator", "--expected-workers", "2", "--stop-on-stdin-close"], databaseURL: databaseURL,
            folder: folder)
        workers = try ["w1", "w2"].map {
            try Role($0, ["worker", "--name", $0, "--stop-on-stdin-close"], databaseURL: databaseURL, folder: folder)
        }
        gateway = try Role(
            "gateway", ["gateway", "--listen-port", "0", "--access-log", "off", "--stop-on-stdin-close"],
            databaseURL: databaseURL, folder: folder)
        workerPorts = try workers.map { try $0.listeningPort() }
        port = try gateway.listeningPort()
    }

    /// Whether the gateway is the same process, ready, and gives a correct answer. Waits for it.
    func check(seconds: Double = 15) throws {
        _ = try wait("a correct answer\n\(gateway.output.suffix(2000))", seconds: seconds) { () -> Bool? in
            guard self.gateway.isRunning else {
                throw ClusterError("the gateway has ended:\n\(self.gateway.output.suffix(4000))")
            }
            guard try HTTP1.get(self.port, "/ready")?.status == 200 else { return nil }
            guard let answer = try HTTP1.get(self.port, "/api/v2/affiliates/1/network?depth=1&limit=1"), answer.status == 200
            else { return nil }
            let wanted = "\"total_network_size\":\(Self.affiliates - 1)"
            guard answer.body.contains(wanted) else { throw ClusterError("a wrong answer: \(answer.body)") }
            return true
        }
        for role in workers + [coordinator] where !role.isRunning {
            throw ClusterError("\(role.name) has ended:\n\(role.output)")
        }
    }

    /// A number out of `/metrics`.
    func metric(_ name: String) throws -> Int {
        let text = try HTTP1.get(port, "/metrics")?.body ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
    }

    private static let shared = Task { () throws -> Cluster in
        // A peer that closes must be an error of `write`, not our end.
        signal(SIGPIPE, SIG_IGN)
        let database = try await TestDatabase.create()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fature-hostile-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexitFolder = folder
        atexit { if let folder = atexitFolder { _ = try? FileManager.default.removeItem(atPath: folder) } }
        return try await onThread {
            let cluster = try Cluster(databaseURL: database.url, folder: folder)
            try cluster.check(seconds: 40)
            return cluster
        }
    }

    /// Runs a test's body against the one cluster of this process, away from Swift's cooperative threads, and sees afterwards that the
    /// gateway has come through.
    static func attack(_ body: @escaping @Sendable (Cluster) throws -> Void) async throws {
        let cluster = try await shared.value
        try await onThread {
            let pid = cluster.gateway.pid
            try body(cluster)
            try cluster.check()
            guard cluster.gateway.pid == pid else { throw ClusterError("the gateway is another process") }
        }
    }
}

/// Written once before `atexit` is called, read in its handler.
nonisolated(unsafe) private var atexitFolder: String?

/// Runs blocking work away from Swift's cooperative threads, and within the task: failed expectations are still those of its test.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withTaskExecutorPreference(OwnQueue()) { try body() }
}

/// Carries out a task's work on a queue of its own.
private final class OwnQueue: TaskExecutor {
    private let queue = DispatchQueue(label: "hostile")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
