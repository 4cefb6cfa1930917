import Foundation

extension Benchmark {
    static let http = Benchmark(
        name: "http", usage: "http [--requests N] [--rounds N]",
        summary: "the gateway and its workers against nghttpd and the closure table, in one run"
    ) { arguments in
        try HTTPBenchmark(arguments).run()
    }
}

/// Peers and ours in turn, A B A B …: what is reported is the median of the ratios of neighbours, so that a drifting machine does no harm.
struct HTTPBenchmark {
    private struct Shape {
        let connections: Int
        let streams: Int
        let goal: Double
        var name: String { "\(connections)×\(streams)" }
    }

    private static let shapes = [
        Shape(connections: 4, streams: 100, goal: 1.0), Shape(connections: 16, streams: 10, goal: 1.0),
        Shape(connections: 100, streams: 1, goal: 0.7),
    ]
    private static let widest = 13_369_082
    private var requests = 300_000
    private var rounds = 5

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst().flatMap(Int.init), value > 0 else {
                throw Shell.Failure(description: "\(flag) takes a number above 0")
            }
            switch flag {
            case "--requests": requests = value
            case "--rounds": rounds = value
            default: throw Shell.Failure(description: "unknown flag \(flag)")
            }
        }
    }

    func run() throws {
        let cluster = try BenchCluster()
        defer { cluster.stop() }
        try Machine.describe()
        print("\nfrom nothing to serving 532,363 affiliates: \(Figure.decimals(cluster.secondsToServing, 1)) s")
        for role in ["worker-1", "worker-2", "gateway"] {
            for line in try cluster.logLines(role, containing: " loaded") { print("  \(role): \(summary(line))") }
        }
        try compareWithNghttpd(cluster)
        try compareWithClosureTable(cluster)
    }

    // MARK: nghttpd

    private func compareWithNghttpd(_ cluster: BenchCluster) throws {
        let path = "/api/v2/affiliates/\(Self.widest)/network?depth=5&limit=0"
        let folder = cluster.directory.appendingPathComponent("nghttpd")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let body = try cluster.get(path)
        try body.write(to: folder.appendingPathComponent("body"), atomically: true, encoding: .utf8)
        let peerPort = cluster.port + 10_000
        let peer = try Shell.start(["nghttpd", "--no-tls", "--address=127.0.0.1", "-d", folder.path, "\(peerPort)"])
        defer { peer.terminate() }
        let peerURL = "http://127.0.0.1:\(peerPort)/body"
        try waitUntilAnswers(peerURL)

        print("\ndepth-5 counts of \(Self.widest), \(body.utf8.count) bytes, against nghttpd serving the same bytes from a file")
        var table = MarkdownTable([
            "connections × streams", "nghttpd, req/s", "gateway → worker, req/s", "ratio (median)", "min … max", "goal",
        ])
        for shape in Self.shapes {
            var pairs: [(Double, Double)] = []
            for _ in 0..<rounds {
                pairs.append((try load(peerURL, shape), try load(cluster.url(path), shape)))
            }
            let ratios = pairs.map { $0.1 / $0.0 }
            table.add([
                shape.name, Figure.thousands(Figure.median(pairs.map(\.0))), Figure.thousands(Figure.median(pairs.map(\.1))),
                Figure.decimals(Figure.median(ratios), 2),
                "\(Figure.decimals(ratios.min() ?? 0, 2)) … \(Figure.decimals(ratios.max() ?? 0, 2))",
                "≥ \(Figure.decimals(shape.goal, 1))",
            ])
        }
        table.print()
    }

    private func waitUntilAnswers(_ url: String) throws {
        for _ in 0..<100 {
            if (try? Shell.run(["nghttp", "--null-out", url])) != nil { return }
            try Shell.run(["sleep", "0.05"])
        }
        throw Shell.Failure(description: "\(url) does not answer")
    }

    /// Requests a second as h2load sees them. Any answer but 200 is a failure of the benchmark.
    private func load(_ url: String, _ shape: Shape) throws -> Double {
        let output = try Shell.run([
            "h2load", "-n", "\(requests)", "-c", "\(shape.connections)", "-m", "\(shape.streams)", url,
        ])
        guard let rate = Shell.number(in: output, after: "s, ", before: " req/s"),
            output.contains("status codes: \(requests) 2xx")
        else {
            throw Shell.Failure(description: "h2load on \(url): \(output)")
        }
        return rate
    }

    // MARK: The closure table

    private func compareWithClosureTable(_ cluster: BenchCluster) throws {
        let script = cluster.directory.appendingPathComponent("closure.sql")
        let query = """
            SELECT level_distance, count(*) FROM fature_v2.hierarchy_index
            WHERE ancestor_id = \(Self.widest) AND level_distance <= 5 GROUP BY level_distance;
            """
        try query.replacingOccurrences(of: "\n", with: " ").write(to: script, atomically: true, encoding: .utf8)
        let shape = Shape(connections: 4, streams: 100, goal: 100)
        let path = "/api/v2/affiliates/\(Self.widest)/network?depth=5&limit=0"
        // The peer gets the index that makes this one question as cheap as PostgreSQL can have it.
        let database = try cluster.databaseURL
        try Shell.run([
            "psql", "--quiet", database, "--command",
            "CREATE INDEX closure_bench ON fature_v2.hierarchy_index (ancestor_id, level_distance)", "--command",
            "VACUUM (ANALYZE) fature_v2.hierarchy_index",
        ])
        var pairs: [(Double, Double)] = []
        for _ in 0..<rounds {
            let rate = try PgBench.run(script, on: database, clients: 8, seconds: 5)
            pairs.append((rate, try load(cluster.url(path), shape)))
        }
        print(
            "\ndepth-5 counts of \(Self.widest) over HTTP/2 (4×100) against the closure table in PostgreSQL (pgbench, 8 clients, prepared, index made for it)"
        )
        var table = MarkdownTable(["closure table, /s", "over HTTP/2, /s", "ratio (median)", "goal"])
        table.add([
            Figure.thousands(Figure.median(pairs.map(\.0))), Figure.thousands(Figure.median(pairs.map(\.1))),
            Figure.thousands(Figure.median(pairs.map { $0.1 / $0.0 })),
            "≥ 100",
        ])
        table.print()
    }

    // MARK: Text

    private func summary(_ line: String) -> String {
        guard let fields = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else { return line }
        let affiliates = fields["affiliates"].map { "\($0)" } ?? "?"
        let milliseconds = fields["milliseconds"].map { "\($0)" } ?? "?"
        return "\(fields["message"] ?? ""), \(affiliates) affiliates in \(milliseconds) ms"
    }
}
