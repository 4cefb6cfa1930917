import Core

/// Milliseconds of a clock that never goes back, for deadlines within this process.
enum MonotonicMilliseconds {
    static func now() -> Int { Int(monotonicNow() / 1_000_000) }
}
