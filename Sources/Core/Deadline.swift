/// A moment on the monotonic clock by which a wait must have ended, or none.
package struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant?

    private init(instant: ContinuousClock.Instant?) { self.instant = instant }

    /// Waits without end.
    package static let never = Deadline(instant: nil)

    /// The longest wait that can be asked for: about 24 days, what poll(2) can express.
    package static let millisecondsMax = Int(Int32.max)

    /// `milliseconds` from now; negative numbers count as zero.
    package static func after(milliseconds: Int) -> Deadline {
        Deadline(instant: .now + .milliseconds(max(0, min(milliseconds, millisecondsMax))))
    }

    /// `milliseconds` from now, or never for nil.
    package static func after(milliseconds: Int?) -> Deadline {
        guard let milliseconds else { return .never }
        return after(milliseconds: milliseconds)
    }

    package var hasPassed: Bool {
        guard let instant else { return false }
        return ContinuousClock.now >= instant
    }

    /// Nanoseconds left, never negative; nil when there is no end.
    package var remainingNanoseconds: Int64? {
        guard let instant else { return nil }
        let left = ContinuousClock.now.duration(to: instant).components
        guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
        return left.seconds * 1_000_000_000 + left.attoseconds / 1_000_000_000
    }

    /// The timeout argument for poll(2): -1 for no end, otherwise rounded up so that a wait never ends early.
    package var pollMilliseconds: Int32 {
        guard let nanoseconds = remainingNanoseconds else { return -1 }
        return Int32(min((nanoseconds + 999_999) / 1_000_000, Int64(Int32.max)))
    }
}
