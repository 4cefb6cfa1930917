import Core
import Foundation
import Glibc
import RedisClient

/// What happens to the processes of a cluster, one thing after the other at random times, on a thread of its own.
final class Mishaps: @unchecked Sendable {
    // @unchecked: what changes is the thread's until `stop` has waited for its end.
    private enum Mishap: String, CaseIterable {
        case workerKilled = "worker killed"
        /// Longer than its lease lasts: its shards go elsewhere before it wakes up.
        case workerStopped = "worker stopped past its lease"
        case gatewayKilled = "gateway killed"
        case coordinatorKilled = "coordinator killed"
        case redisKilled = "Redis killed"
        case redisWiped = "Redis wiped"
        case postgresKilled = "PostgreSQL killed"

        /// How often it happens, relative to the others.
        var weight: Int {
            switch self {
            case .workerKilled: 8
            case .workerStopped, .gatewayKilled: 3
            case .coordinatorKilled, .redisKilled, .redisWiped, .postgresKilled: 1
            }
        }
    }

    private let cluster: BenchCluster
    private let everySeconds: Int
    private var random: Scatter
    private var counts: [Mishap: Int] = [:]
    private let ending = Monitor((isAsked: false, isOver: false))

    /// How long a worker is stopped: its lease of 2.5 s and then some.
    private static let stopMilliseconds = 5000

    init(_ cluster: BenchCluster, everySeconds: Int, seed: UInt64) {
        self.cluster = cluster
        self.everySeconds = everySeconds
        random = Scatter(seed: seed, number: -2)
    }

    func start() {
        Thread.detachNewThread { [self] in
            while !pause(milliseconds: 500 + random.below(everySeconds * 2000 - 999)) { happen() }
            ending.withLock { $0.isOver = true }
        }
    }

    /// No more mishaps; what was stopped goes on. Gives what has happened.
    func stop() -> [(name: String, count: Int)] {
        ending.withLock { $0.isAsked = true }
        while ending.wait(until: .after(milliseconds: 1000), { $0.isOver ? true : nil }) == nil {}
        return Mishap.allCases.compactMap { mishap in counts[mishap].map { (mishap.rawValue, $0) } }
    }

    /// Waits; true if that was interrupted by `stop`.
    private func pause(milliseconds: Int) -> Bool {
        ending.wait(until: .after(milliseconds: milliseconds)) { $0.isAsked ? true : nil } ?? false
    }

    private func happen() {
        var draw = random.below(Mishap.allCases.reduce(0) { $0 + $1.weight })
        guard
            let mishap = Mishap.allCases.first(where: { mishap in
                defer { draw -= mishap.weight }
                return draw < mishap.weight
            })
        else { return }
        let worked =
            switch mishap {
            case .workerKilled: signal("worker", SIGKILL)
            case .workerStopped: stopWorker()
            case .gatewayKilled: signal("gateway", SIGKILL)
            case .coordinatorKilled: signal("coordinator", SIGKILL)
            case .redisKilled: signal("redis", SIGKILL)
            case .redisWiped: wipeRedis()
            case .postgresKilled: signal("postgres", SIGKILL)
            }
        guard worked else { return }
        counts[mishap, default: 0] += 1
        LedgerBench.say(mishap.rawValue)
    }

    /// One of those whose names begin so; none if all are just being started again.
    private func victim(_ name: String) -> pid_t? {
        // The list may name one that has just died, and its number may be somebody else's by now.
        let alive = ((try? cluster.processes) ?? []).filter {
            let command = try? String(contentsOfFile: "/proc/\($0.pid)/cmdline", encoding: .utf8)
            return $0.name.hasPrefix(name) && command?.contains(name) == true
        }
        return alive.isEmpty ? nil : pid_t(alive[random.below(alive.count)].pid)
    }

    private func signal(_ name: String, _ number: Int32) -> Bool { victim(name).map { Glibc.kill($0, number) == 0 } ?? false }

    private func stopWorker() -> Bool {
        guard let pid = victim("worker"), Glibc.kill(pid, SIGSTOP) == 0 else { return false }
        _ = pause(milliseconds: Self.stopMilliseconds)
        return Glibc.kill(pid, SIGCONT) == 0
    }

    private func wipeRedis() -> Bool {
        guard let url = try? cluster.redisURL, let redis = try? RedisConnection(RedisConfiguration(url: url)) else {
            return false
        }
        return (try? redis.command("FLUSHALL")) != nil
    }
}
