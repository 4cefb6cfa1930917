/// Tells of long work on standard error: nothing in the first second, then a line a second at most.
struct ProgressLine {
    private let start = ContinuousClock.now
    private var last: ContinuousClock.Instant

    init() { last = start }

    /// Time since the work began.
    var elapsedSeconds: Double { ContinuousClock.now.duration(to: start) / .seconds(-1) }

    mutating func tell(_ line: @autoclosure () -> String) {
        let now = ContinuousClock.now
        guard last.duration(to: now) >= .seconds(1) else { return }
        last = now
        Console.progress(line())
    }
}
