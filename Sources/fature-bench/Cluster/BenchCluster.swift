import Foundation

/// A whole cluster with the demo network, started from the `fature` beside this program, in a folder of its own.
final class BenchCluster {
    let port: Int
    let directory: URL
    /// From `fature up` to ready, with the demo network generated, migrated and loaded. Seconds.
    let secondsToServing: Double
    private let fature: String

    init() throws {
        fature = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("fature").path
        guard FileManager.default.isExecutableFile(atPath: fature) else {
            throw Shell.Failure(description: "no \(fature): build it first with `swift build -c release`")
        }
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("fature-bench-\(UInt32.random(in: 0 ... .max))")
        port = Int.random(in: 20_000..<30_000)
        let start = Date()
        try Shell.run([fature, "up", "--demo", "--data-dir", directory.path, "--port", "\(port)", "--detach"])
        secondsToServing = Date().timeIntervalSince(start)
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func get(_ path: String) throws -> String { try Shell.run(["curl", "--silent", "--fail", url(path)]) }

    /// Runs another `fature` command on this cluster.
    @discardableResult
    func command(_ arguments: String...) throws -> String {
        try Shell.run([fature] + arguments + ["--data-dir", directory.path])
    }

    /// Starts the cluster again, its PostgreSQL with other settings.
    func restart(settings: [String: String]) throws {
        let database = try databaseURL
        // One statement a call: ALTER SYSTEM does not run inside the transaction that several would be.
        let statements = settings.sorted { $0.key < $1.key }.flatMap {
            ["--command", "ALTER SYSTEM SET \($0.key) = '\($0.value)'"]
        }
        try Shell.run(["psql", "--quiet", database] + statements)
        try command("down")
        try command("up", "--port", "\(port)", "--detach")
    }

    private var state: [String: Any] {
        get throws {
            let state = try JSONSerialization.jsonObject(with: Data(contentsOf: directory.appendingPathComponent("cluster.json")))
            return state as? [String: Any] ?? [:]
        }
    }

    var databaseURL: String { get throws { try text("databaseURL") } }
    var redisURL: String { get throws { try text("redisURL") } }

    private func text(_ key: String) throws -> String {
        guard let text = try state[key] as? String else { throw Shell.Failure(description: "cluster.json has no \(key)") }
        return text
    }

    /// Names and pids of the cluster's processes.
    var processes: [(name: String, pid: Int)] {
        get throws {
            let list = try state["processes"] as? [[String: Any]] ?? []
            return list.compactMap { process in
                guard let name = process["name"] as? String, let pid = process["pid"] as? Int else { return nil }
                return (name, pid)
            }
        }
    }

    /// Lines of a role's log that contain `text`.
    func logLines(_ role: String, containing text: String) throws -> [String] {
        let log = try String(contentsOf: directory.appendingPathComponent("logs/\(role).log"), encoding: .utf8)
        return log.split(separator: "\n").filter { $0.contains(text) }.map(String.init)
    }

    func stop() {
        do {
            try Shell.run([fature, "down", "--data-dir", directory.path])
            try FileManager.default.removeItem(at: directory)
        } catch {
            print("fature-bench: \(directory.path) could not be cleaned up: \(error)")
        }
    }
}
