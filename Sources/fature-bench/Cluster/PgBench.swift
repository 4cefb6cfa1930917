import Foundation

/// PostgreSQL's own load generator.
enum PgBench {
    /// Debian keeps it beside the server, off the PATH.
    private static var path: String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        return versions.sorted().last.map { "/usr/lib/postgresql/\($0)/bin/pgbench" } ?? "pgbench"
    }

    /// Runs one script with prepared statements and gives its runs a second, time for connecting left out.
    static func run(_ script: URL, on database: String, clients: Int, seconds: Int) throws -> Double {
        let output = try Shell.run([
            path, "--no-vacuum", "--client=\(clients)", "--jobs=2", "--protocol=prepared", "--time=\(seconds)",
            "--file=\(script.path)", database,
        ])
        guard let rate = Shell.number(in: output, after: "tps = ", before: " (") else {
            throw Shell.Failure(description: "pgbench: \(output)")
        }
        return rate
    }
}
