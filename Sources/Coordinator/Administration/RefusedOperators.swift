import Core
import Logging

/// Tells of requests without the right token: one line a second at most, with how many there were. Belongs to one event loop.
struct RefusedOperators {
    private static let silenceNanoseconds: MonotonicNanoseconds = 1_000_000_000

    private var toldAt: MonotonicNanoseconds?
    private var silentCount = 0

    /// Nil if somebody was told of a moment ago; else how many were passed over since then.
    mutating func take(now: MonotonicNanoseconds) -> Int? {
        if let toldAt, now &- toldAt < Self.silenceNanoseconds {
            silentCount += 1
            return nil
        }
        defer { silentCount = 0 }
        toldAt = now
        return silentCount
    }

    mutating func tell(peer: String, logger: Logger) {
        guard let silent = take(now: monotonicNow()) else { return }
        var fields: Logger.Metadata = ["peer": "\(peer)"]
        if silent > 0 { fields["repeated"] = "\(silent)" }
        logger.warning("a request without the operators' token was refused", metadata: fields)
    }
}
