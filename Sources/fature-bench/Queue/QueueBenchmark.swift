import Core
import Foundation
import JobQueue
import RedisClient

extension Benchmark {
    static let queue = Benchmark(
        name: "queue", usage: "queue [--jobs N]",
        summary: "What a job costs in this process and in Redis: added, taken, done; alone and through a consumer (400,000 jobs)."
    ) { arguments in
        var jobs = 400_000
        if let at = arguments.firstIndex(of: "--jobs"), at + 1 < arguments.count { jobs = Int(arguments[at + 1]) ?? jobs }
        try QueueBenchmark(jobs: max(jobs, 10_000)).run()
    }
}

/// Times are CPU times, so that others on the machine do not count.
private final class QueueBenchmark {
    private static let shards = 128
    private static let batch = 500
    private static let payloadBytes = 100

    private let jobs: Int
    private let server: Process
    private let folder: URL
    private let configuration: RedisConfiguration
    private let redis: RedisConnection

    init(jobs: Int) throws {
        self.jobs = jobs
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("fature-bench-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let port = Int.random(in: 20_000..<30_000)
        server = try Shell.start([
            "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "yes",
            "--appendfsync", "everysec",
        ])
        configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(port)")
        var connected: RedisConnection?
        for _ in 0..<200 {
            connected = try? RedisConnection(configuration)
            if connected != nil { break }
            Thread.sleep(forTimeInterval: 0.02)
        }
        guard let connected else { throw Shell.Failure(description: "redis-server does not answer on port \(port)") }
        redis = connected
    }

    deinit {
        server.terminate()
        server.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    func run() throws {
        let queue = JobQueue(.commission, on: redis)
        let shards = (0..<Self.shards).map { OwnedShard(ShardID($0), Epoch(1)) }
        for owned in shards { _ = try queue.markEpoch(owned) }
        let new = try (0..<jobs).map { number in
            try NewJob(
                JobID(Int64(number) + 1_000_000_000), shard: ShardID(number % Self.shards),
                payload: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Self.payloadBytes),
                enqueuedAtMilliseconds: 0)
        }
        var table = MarkdownTable(["step", "here, µs a job", "Redis, µs a job"])
        var taken: [[Job]] = []
        try measure("add, 500 at a time", &table) {
            for start in stride(from: 0, to: jobs, by: Self.batch) {
                let answers = try queue.add(Array(new[start..<min(start + Self.batch, jobs)]))
                guard answers.allSatisfy({ $0 == .added }) else { throw Shell.Failure(description: "not added") }
            }
        }
        try measure("take, 500 at most of 128 shards", &table) {
            while true {
                let batch = try queue.take(shards, TakeLimits(perShardMax: Self.batch, jobsMax: Self.batch)).jobs
                if batch.isEmpty { break }
                taken.append(batch)
            }
        }
        guard taken.reduce(0, { $0 + $1.count }) == jobs else { throw Shell.Failure(description: "not all jobs were taken") }
        try measure("done", &table) {
            for batch in taken { try queue.done(batch) }
        }
        taken = []
        _ = try queue.add(new)
        let consumer = try JobConsumer(
            .commission, policy: JobPolicy(), redis: configuration, lanes: 2, sink: NoSink(), makeHandler: { _ in Nothing() })
        consumer.setShards(shards)
        let start = ContinuousClock.now
        try measure("take and done by a consumer of 2 lanes that does nothing", &table, CLOCK_PROCESS_CPUTIME_ID) {
            try consumer.start()
            while consumer.counters.snapshot.done < jobs { Thread.sleep(forTimeInterval: 0.005) }
        }
        let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1_000
        consumer.stop(timeoutMilliseconds: 5_000)
        table.print()
        print("\nThe consumer did \(Figure.thousands(Double(jobs) / seconds)) jobs/s.")
    }

    private func measure(
        _ what: String, _ table: inout MarkdownTable, _ clock: clockid_t = CLOCK_THREAD_CPUTIME_ID, _ body: () throws -> Void
    ) throws {
        let (here, there) = (Self.seconds(clock), try redisSeconds())
        try body()
        let (hereAfter, thereAfter) = (Self.seconds(clock), try redisSeconds())
        table.add([
            what, Figure.decimals((hereAfter - here) * 1e6 / Double(jobs), 2),
            Figure.decimals((thereAfter - there) * 1e6 / Double(jobs), 2),
        ])
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func redisSeconds() throws -> Double {
        let text = try redis.command("INFO", "cpu").text()
        return ["used_cpu_sys:", "used_cpu_user:"].reduce(0) { $0 + (Shell.number(in: text, after: $1, before: "\r\n") ?? 0) }
    }
}

private final class Nothing: JobHandler {
    func handle(_ jobs: [Job], deadline: Deadline) -> [JobOutcome] { [JobOutcome](repeating: .done, count: jobs.count) }
    func cancel() {}
}

private struct NoSink: DeadLetterSink {
    func bury(_ letters: [DeadLetter]) {}
}
