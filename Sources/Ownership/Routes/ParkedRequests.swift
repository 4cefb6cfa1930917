import Core

/// Requests of one event loop whose shard is between two owners: bounded by count, bytes and time.
///
/// A shard's requests are tried again together, in the order in which they came: when its route changes, or after a pause that doubles.
package struct ParkedRequests: Sendable {
    /// What a parked request is known by.
    package typealias Token = UInt64

    package struct Limits: Equatable, Sendable {
        package var requestsMax = 4096
        package var bytesMax = 16 << 20
        /// How long one request is parked in all. Nanoseconds.
        package var parkedMax: UInt64 = 2_000_000_000
        /// The first pause, and the longest. Nanoseconds.
        package var pauseMin: UInt64 = 5_000_000
        package var pauseMax: UInt64 = 100_000_000

        package init() {}
    }

    private struct Entry {
        var token: Token
        var bytes: Int
        var until: MonotonicNanoseconds
    }

    private struct Line {
        var entries: [Entry] = []
        var pause: UInt64
        var retryAt: MonotonicNanoseconds
    }

    package let limits: Limits
    private var lines: [ShardID: Line] = [:]
    /// Requests tried again keep the end of their patience, and shards the length of their pause, until they are `settled`.
    private var patience: [Token: MonotonicNanoseconds] = [:]
    private var pauses: [ShardID: UInt64] = [:]
    package private(set) var count = 0
    package private(set) var bytes = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Keeps a request. False: there is no room, or it has been kept for as long as it may be; refuse it.
    /// - Parameter deadline: of the request itself.
    package mutating func park(
        _ token: Token, _ shard: ShardID, bytes size: Int, deadline: MonotonicNanoseconds, now: MonotonicNanoseconds
    ) -> Bool {
        let until = min(deadline, patience[token] ?? now + limits.parkedMax)
        guard now < until, count < limits.requestsMax, size <= limits.bytesMax - bytes else {
            patience[token] = nil
            return false
        }
        patience[token] = until
        if lines[shard] == nil {
            let pause = min(pauses[shard].map { $0 * 2 } ?? limits.pauseMin, limits.pauseMax)
            pauses[shard] = pause
            lines[shard] = Line(pause: pause, retryAt: now + pause)
        }
        lines[shard]?.entries.append(Entry(token: token, bytes: size, until: until))
        count += 1
        bytes += size
        return true
    }

    /// The requests of a shard whose route has changed: to be sent again now.
    package mutating func routeChanged(_ shard: ShardID) -> [Token] {
        pauses[shard] = nil
        return take(shard)
    }

    /// The requests that are to be sent again, and those that have waited for too long.
    package mutating func due(now: MonotonicNanoseconds) -> (again: [Token], expired: [Token]) {
        var again: [Token] = []
        var expired: [Token] = []
        // In the order of the shards, so that a run can be repeated.
        for shard in lines.keys.sorted() {
            guard var line = lines[shard] else { continue }
            if line.retryAt <= now {
                let old = line.entries.filter { $0.until <= now }.map(\.token)
                expired += old
                again += take(shard).filter { !old.contains($0) }
                continue
            }
            for entry in line.entries where entry.until <= now {
                expired.append(entry.token)
                count -= 1
                bytes -= entry.bytes
            }
            line.entries.removeAll { $0.until <= now }
            lines[shard] = line.entries.isEmpty ? nil : line
        }
        for token in expired { patience[token] = nil }
        return (again, expired)
    }

    /// A request was answered, or nobody waits for it any more.
    package mutating func settled(_ token: Token, _ shard: ShardID) {
        patience[token] = nil
        pauses[shard] = nil
        guard var line = lines[shard], let index = line.entries.firstIndex(where: { $0.token == token }) else { return }
        bytes -= line.entries[index].bytes
        count -= 1
        line.entries.remove(at: index)
        lines[shard] = line.entries.isEmpty ? nil : line
    }

    private mutating func take(_ shard: ShardID) -> [Token] {
        guard let line = lines.removeValue(forKey: shard) else { return [] }
        count -= line.entries.count
        bytes -= line.entries.reduce(0) { $0 + $1.bytes }
        return line.entries.map(\.token)
    }
}
