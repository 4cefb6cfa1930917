import Core
import Logging
import Synchronization

/// Refusals in the log: each cause and peer at once, then once a minute with a count, however often it comes back.
package final class RefusalLog: Sendable {
    private struct Key: Hashable {
        let cause: String
        let peer: String
    }

    private struct Entry {
        var loggedAt: MonotonicNanoseconds
        var silent = 0
    }

    /// Causes and peers kept apart; more are counted together, so that many strangers do not fill the log or the memory.
    static let entriesMax = 512
    /// How long a cause and peer are not told again, nanoseconds.
    static let silenceNanoseconds: MonotonicNanoseconds = 60_000_000_000

    private let entries = Mutex<[Key: Entry]>([:])

    package init() {}

    /// Writes a line at warning, or counts.
    /// - Parameters:
    ///   - what: what was refused, as in `connection refused`.
    ///   - peer: its host, without the port, which differs each time.
    package func refused(
        _ what: String, _ refusal: PeerRefusal, peer: String, metadata: Logger.Metadata = [:], logger: Logger,
        now: MonotonicNanoseconds = monotonicNow()
    ) {
        guard let (peer, silent) = take(refusal.cause, peer, now) else { return }
        var fields = metadata
        fields["peer"] = "\(peer)"
        fields["cause"] = "\(refusal.cause)"
        fields["reason"] = "\(refusal.reason)"
        if silent > 0 { fields["repeated"] = "\(silent)" }
        logger.warning("\(what)", metadata: fields)
    }

    /// Nil if it was told a moment ago; else whom to name, and how many were not told since the last line.
    private func take(_ cause: String, _ peer: String, _ now: MonotonicNanoseconds) -> (peer: String, silent: Int)? {
        entries.withLock { entries in
            var key = Key(cause: cause, peer: peer)
            if entries[key] == nil, entries.count >= Self.entriesMax {
                entries = entries.filter { now &- $0.value.loggedAt < Self.silenceNanoseconds }
                // All others of this cause share one entry.
                if entries.count >= Self.entriesMax { key = Key(cause: cause, peer: "others") }
            }
            guard var entry = entries[key] else {
                entries[key] = Entry(loggedAt: now)
                return (key.peer, 0)
            }
            guard now &- entry.loggedAt >= Self.silenceNanoseconds else {
                entry.silent += 1
                entries[key] = entry
                return nil
            }
            entries[key] = Entry(loggedAt: now)
            return (key.peer, entry.silent)
        }
    }
}
