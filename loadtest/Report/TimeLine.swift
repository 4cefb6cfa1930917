import LoadRecord

/// A run's windows, put together so that they fit on a page.
struct TimeLine: Sendable {
    /// Some consecutive windows.
    struct Column: Sendable {
        var fromSeconds: Double
        var seconds: Double
        /// Sums, and the most of any of its windows.
        var window: WindowRecord
        var plannedRate: Double { Double(window.planned) / max(seconds, 1e-9) }
        var answerRate: Double { Double(window.answered) / max(seconds, 1e-9) }
    }

    static let columnsMax = 180

    let columns: [Column]
    /// Windows a column.
    let width: Int
    let seconds: Double

    init(_ record: RunRecord) {
        let windows = record.windows
        width = max(1, (windows.count + Self.columnsMax - 1) / Self.columnsMax)
        let each = record.windowSeconds
        seconds = max(record.seconds, Double(windows.count == 0 ? 1 : (windows.count - 1) * each), 0.001)
        let (step, end) = (width, max(record.seconds, 0.001))
        columns = stride(from: 0, to: windows.count, by: step).map { from in
            let to = min(from + step, windows.count)
            var sum = windows[from]
            for window in windows[(from + 1)..<to] { sum.add(following: window) }
            // The last window of a run of 10.5 s is half a second long. Of a few milliseconds a rate would say nothing.
            let length = max(min(Double(to * each), end) - Double(from * each), Double(step * each) / 10)
            return Column(fromSeconds: Double(from * each), seconds: length, window: sum)
        }
    }
}
