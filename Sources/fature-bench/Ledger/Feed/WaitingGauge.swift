import Core
import RedisClient

/// How many transactions wait for their commissions, from the lengths of the queues in Redis: cheap enough to ask ten times a second.
///
/// Only steers a closed loop; what is reported comes from PostgreSQL.
final class WaitingGauge {
    private let connection: RedisConnection
    private var waiting = 0
    private var acceptedThen = 0
    private var askedAt: MonotonicNanoseconds = 0

    private static let periodNanoseconds: UInt64 = 100_000_000
    private static let lengths: [[RedisArgument]] = (0..<ShardID.count).map { ["XLEN", key($0, "s")] }

    /// A key of a shard's queue, as `docs/design/queue.md` has them.
    private static func key(_ shard: Int, _ part: String) -> RedisArgument {
        let digits = String(shard)
        return .text("{fature:commission:\(String(repeating: "0", count: 3 - digits.count))\(digits)}:\(part)")
    }

    init(_ url: String) throws {
        connection = try RedisConnection(RedisConfiguration(url: url))
    }

    /// The lengths as of a moment ago, and what has been accepted since then.
    /// - Parameter accepted: how many transactions the load has seen accepted.
    func estimate(accepted: Int, _ now: MonotonicNanoseconds) -> Int {
        if now - askedAt >= Self.periodNanoseconds, let length = try? jobs() {
            waiting = length
            acceptedThen = accepted
            askedAt = now
        }
        return waiting + accepted - acceptedThen
    }

    /// Jobs in all queues.
    func jobs() throws -> Int {
        if !connection.isUsable { try connection.reconnect() }
        return try connection.pipeline(Self.lengths).reduce(0) { try $0 + Int($1.integerValue()) }
    }

    /// A figure of `INFO`, such as `used_memory`.
    func info(_ section: String, _ name: String) throws -> Int {
        let text = try connection.command("INFO", .text(section)).text()
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") }
        return line.flatMap { Int($0.dropFirst(name.utf8.count + 1)) } ?? 0
    }

    /// How often Redis has said no for want of memory.
    func refusals() throws -> Int {
        let text = try connection.command("INFO", "errorstats").text()
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("errorstat_OOM:count=") }
        return line.flatMap { Int($0.dropFirst("errorstat_OOM:count=".utf8.count)) } ?? 0
    }

    /// - Parameter bytes: 0: no limit.
    func setMemoryMax(_ bytes: Int) throws { try connection.command("CONFIG", "SET", "maxmemory", .int(Int64(bytes))) }

    func setPaused(_ isPaused: Bool) throws {
        let commands = (0..<ShardID.count).map { shard -> [RedisArgument] in
            isPaused ? ["SET", Self.key(shard, "paused"), "fature-bench makes a backlog"] : ["DEL", Self.key(shard, "paused")]
        }
        for case .error(let text) in try connection.pipeline(commands) { throw Shell.Failure(description: "Redis: \(text)") }
    }
}
