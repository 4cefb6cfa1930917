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

    var databaseURL: String {
        get throws {
            let state = try JSONSerialization.jsonObject(with: Data(contentsOf: directory.appendingPathComponent("cluster.json")))
            guard let url = (state as? [String: Any])?["databaseURL"] as? String else {
                throw Shell.Failure(description: "cluster.json names no database")
            }
            return url
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
