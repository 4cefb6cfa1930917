import ClusterSupport
import Core
import Foundation
import JobQueue
import PostgresClient
import RedisClient
import Store
import TestServers
import Testing

/// A PostgreSQL database and a Redis of its own, and the built `fature` to run against them.
struct OperatorDesk {
    let database: TestDatabase
    let redis: PrivateRedis
    let scratch: ScratchFolder

    static func open() async throws -> OperatorDesk {
        let desk = OperatorDesk(
            database: try await TestDatabase.create(), redis: try await PrivateRedis.start(),
            scratch: try ScratchFolder("operator"))
        try Schema.migrate(desk.connect())
        return desk
    }

    func connect() throws -> PostgresConnection { try database.connect() }

    func queue() throws -> JobQueue { JobQueue(.commission, on: try redis.connect()) }

    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
        var all: String { output + errors }

        /// The answer of a command with `--json`.
        var json: [String: Any] {
            get throws { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(all)") }
        }
        var list: [[String: Any]] {
            get throws { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]], "\(all)") }
        }
    }

    /// Runs `fature` to its end.
    func fature(_ arguments: [String], environment given: [String: String]? = nil) async throws -> Outcome {
        let environment = given ?? ["DATABASE_URL": database.url, "REDIS_URL": redis.url]
        return try await Self.run(arguments, environment: environment, in: scratch.path)
    }

    func fature(_ line: String) async throws -> Outcome { try await fature(line.split(separator: " ").map(String.init)) }

    static func run(_ arguments: [String], environment: [String: String], in folder: String) async throws -> Outcome {
        try await TestCluster.blocking {
            let ourselves = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            let process = Process()
            process.executableURL = ourselves.deletingLastPathComponent().appendingPathComponent("fature")
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder].merging(environment) { $1 }
            process.standardInput = FileHandle.nullDevice
            let name = UUID().uuidString
            let files = ["output", "errors"].map { URL(fileURLWithPath: "\(folder)/\($0)-\(name)") }
            for file in files { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: files[0])
            process.standardError = try FileHandle(forWritingTo: files[1])
            try process.run()
            process.waitUntilExit()
            let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
            return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
        }
    }

    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(scratch.path)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Transactions `ids`, accepted an hour ago and not processed.
    func accept(_ ids: ClosedRange<Int64>, shard: Int = 7) throws {
        let connection = try connect()
        _ = try connection.execute(
            """
            INSERT INTO fature_v2.transactions (
                transaction_id, accepted_at, transaction_date, affiliate_id, transaction_type, amount, external_transaction_id, shard_id, upline)
            SELECT n, now() - interval '1 hour', now() - interval '1 hour', 900, 'deposit', 100, 'e' || n, $3::smallint, '{5,4,3}'
            FROM generate_series($1, $2) AS n
            """, [.int(ids.lowerBound), .int(ids.upperBound), .int(Int64(shard))])
        _ = try connection.execute(
            "INSERT INTO fature_v2.transaction_key SELECT 'e' || n, n FROM generate_series($1, $2) AS n",
            [.int(ids.lowerBound), .int(ids.upperBound)])
    }

    /// Their jobs, waiting in Redis.
    func addJobs(_ ids: ClosedRange<Int64>, shard: Int = 7) throws {
        let jobs = try ids.map {
            try NewJob(
                JobID($0), shard: ShardID(shard), payload: Array("1700000000000000".utf8),
                enqueuedAtMilliseconds: 1_700_000_000_000)
        }
        #expect(try queue().add(jobs).allSatisfy { $0 == .added })
    }

    /// Has a job that is in hand fail: it is delayed then.
    func fail(_ job: Job, _ queue: JobQueue) throws {
        var random = SystemRandomNumberGenerator()
        _ = try queue.retry(
            [FailedJob(job, cause: .handlerThrew, error: "boom")], epochs: [job.shard: Epoch(1)], policy: JobPolicy(),
            using: &random)
    }

    func stats(_ shard: Int = 7) throws -> QueueStats { try #require(try queue().stats([ShardID(shard)]).first) }

    /// Dead letters of these transactions.
    func bury(_ ids: ClosedRange<Int64>, cause: String = "no_plan") throws {
        try DeadLetters.record(
            ids.map {
                DeadLetterRow(
                    queue: "commission", jobID: String($0), shard: ShardID(7), payload: Array("1700000000000000".utf8),
                    cause: cause,
                    error: "no plan holds at its date", failures: 9, crashes: 0, enqueuedAtMicroseconds: 1_700_000_000_000_000)
            }, on: connect())
    }

    func texts(_ sql: String) throws -> [String] {
        let result = try connect().execute(sql)
        return try (0..<result.rowCount).map { row in
            try (0..<result.columnCount).map { try result.optionalText(row, $0) ?? "-" }.joined(separator: " ")
        }
    }
}
