/// Tells of long work on standard error: nothing in the first second, then a line a second at most.
struct ProgressLine {
    private let start = ContinuousClock.now
    private var last: ContinuousClock.Instant

    init() { last = start }

    /// Time since the work began, such as `12.3 s`.
    var elapsedText: String { SecondsText.of(start.duration(to: .now)) }

    mutating func tell(_ line: @autoclosure () -> String) {
        let now = ContinuousClock.now
        guard last.duration(to: now) >= .seconds(1) else { return }
        last = now
        Console.progress(line())
    }
}

/// A time as people read it.
enum SecondsText {
    static func of(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

/// A short time as people read it.
enum MillisecondsText {
    static func of(_ duration: Duration) -> String { "\(duration.milliseconds) ms" }
}
