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
        var retryAt: MonotonicNanoseconds
    }

    /// What is remembered of a request from its first stay to its answer.
    private struct Stay {
        /// The end of its patience.
        var until: MonotonicNanoseconds
        /// Whether it is in a line now; else it is being tried again.
        var isInLine: Bool
    }

    package let limits: Limits
    private var lines: [ShardID: Line] = [:]
    /// Requests tried again keep the end of their patience, and shards the length of their pause, until they are `settled`.
    private var stays: [Token: Stay] = [:]
    private var pauses: [ShardID: UInt64] = [:]
    package private(set) var count = 0
    package private(set) var bytes = 0

    /// Whether nothing is remembered of anybody: no request that waits or is being tried again, no shard's pause.
    package var isForgotten: Bool { lines.isEmpty && stays.isEmpty && pauses.isEmpty }

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Keeps a request. False: there is no room, or it has been kept for as long as it may be; refuse it.
    /// - Parameter deadline: of the request itself.
    package mutating func park(
        _ token: Token, _ shard: ShardID, bytes size: Int, deadline: MonotonicNanoseconds, now: MonotonicNanoseconds
    ) -> Bool {
        let until = min(deadline, stays[token]?.until ?? now + limits.parkedMax)
        guard now < until, count < limits.requestsMax, size <= limits.bytesMax - bytes else {
            forget(token)
            return false
        }
        stays[token] = Stay(until: until, isInLine: true)
        let entry = Entry(token: token, bytes: size, until: until)
        if lines[shard] == nil {
            let pause = min(pauses[shard].map { $0 * 2 } ?? limits.pauseMin, limits.pauseMax)
            pauses[shard] = pause
            lines[shard] = Line(entries: [entry], retryAt: now + pause)
        } else {
            lines[shard]?.entries.append(entry)
        }
        count += 1
        bytes += size
        return true
    }

    /// The requests of a shard whose route has changed: to be sent again now.
    package mutating func routeChanged(_ shard: ShardID) -> [Token] {
        pauses[shard] = nil
        return take(shard).map(\.token)
    }

    /// The requests that are to be sent again, and those that have waited for too long.
    package mutating func due(now: MonotonicNanoseconds) -> (again: [Token], expired: [Token]) {
        var again: [Token] = []
        var expired: [Token] = []
        // In the order of the shards, so that a run can be repeated.
        for shard in lines.keys.sorted() {
            guard let line = lines[shard] else { continue }
            if line.retryAt <= now {
                for entry in take(shard) {
                    if entry.until <= now { expired.append(entry.token) } else { again.append(entry.token) }
                }
                continue
            }
            guard line.entries.contains(where: { $0.until <= now }) else { continue }
            for entry in line.entries where entry.until <= now {
                expired.append(entry.token)
                count -= 1
                bytes -= entry.bytes
            }
            let rest = line.entries.filter { $0.until > now }
            lines[shard] = rest.isEmpty ? nil : Line(entries: rest, retryAt: line.retryAt)
        }
        for token in expired { forget(token) }
        return (again, expired)
    }

    /// A request that has been parked was answered, or nobody waits for it any more.
    package mutating func settled(_ token: Token, _ shard: ShardID) {
        guard let stay = stays[token] else { return }
        forget(token)
        pauses[shard] = nil
        guard stay.isInLine, let index = lines[shard]?.entries.firstIndex(where: { $0.token == token }),
            let entry = lines[shard]?.entries.remove(at: index)
        else { return }
        bytes -= entry.bytes
        count -= 1
        if lines[shard]?.entries.isEmpty == true { lines[shard] = nil }
    }

    /// With the last request the pauses go too: what comes later begins anew.
    private mutating func forget(_ token: Token) {
        stays[token] = nil
        if stays.isEmpty { pauses = [:] }
    }

    private mutating func take(_ shard: ShardID) -> [Entry] {
        guard let line = lines.removeValue(forKey: shard) else { return [] }
        count -= line.entries.count
        for entry in line.entries {
            bytes -= entry.bytes
            stays[entry.token]?.isInLine = false
        }
        return line.entries
    }
}
