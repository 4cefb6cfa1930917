/// Moments with exponential gaps: independent callers, each of whom does not know of the others.
struct PoissonGaps {
    let nanoseconds: UInt64
    private let meanGapNanoseconds: Double
    private var scatter: Scatter
    private var at: UInt64 = 0
    /// Below a nanosecond. Kept apart: added to a moment of days it would be lost.
    private var fraction = 0.0

    /// - Parameter rate: requests a second, more than 0.
    init(nanoseconds: UInt64, rate: Double, scatter: Scatter) {
        self.nanoseconds = nanoseconds
        meanGapNanoseconds = 1e9 / rate
        self.scatter = scatter
    }

    /// The next moment, nanoseconds from the begin; nil when it would be behind the end.
    mutating func next() -> UInt64? {
        fraction += -Exponential.log(scatter.share()) * meanGapNanoseconds
        let whole = fraction.rounded(.down)
        guard whole < Double(nanoseconds - at) else {
            fraction = .infinity
            return nil
        }
        fraction -= whole
        at += UInt64(whole)
        return at
    }
}
