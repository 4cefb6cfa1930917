import LoadPlan
import LoadRecord

/// What a run shows of itself while it goes on: a panel that is drawn anew in a terminal, a line every five seconds elsewhere.
///
/// It returns what to write and writes nothing; call it about twice a second.
package struct LiveProgress: Sendable {
    package enum Medium: Sendable {
        /// A terminal of so many columns.
        case terminal(columns: Int, isColored: Bool)
        /// A file, a pipe, a build server.
        case lines
    }

    package static let secondsBetweenLines = 5.0
    private static let panelLines = 4
    private static let sparks = Array("▁▂▃▄▅▆▇█")

    private let medium: Medium
    private var isDrawn = false
    private var eventsShown = 0
    private var nextLineSeconds = 0.0

    package init(_ medium: Medium) { self.medium = medium }

    /// - Parameters:
    ///   - record: what is known so far.
    ///   - elapsedSeconds: of the measured time; negative during the warm-up.
    /// - Returns: what to write to standard error; empty: nothing now.
    package mutating func update(_ record: RunRecord, elapsedSeconds: Double) -> String {
        switch medium {
        case .terminal(let columns, let isColored):
            panel(record, elapsedSeconds, columns: max(20, columns), Paint(isOn: isColored))
        case .lines: line(record, elapsedSeconds)
        }
    }

    /// The last thing written: the panel stays, and what follows begins on a line of its own.
    package mutating func finish(_ record: RunRecord) -> String {
        var text = ""
        for event in newEvents(record) { text += "\(event)\n" }
        return text
    }

    // MARK: - Figures

    /// The last window that has passed; it and those before it may still get answers.
    private func lastWindow(_ record: RunRecord, _ elapsed: Double) -> (window: WindowRecord, seconds: Double)? {
        let passed = Int(max(0, elapsed)) / record.windowSeconds
        guard passed > 0, let window = record.windows.prefix(passed).last else { return nil }
        return (window, Double(record.windowSeconds))
    }

    private func place(_ record: RunRecord, _ elapsed: Double) -> String {
        let length = record.scenario.seconds
        if elapsed < 0 { return "warm-up, \(Int((-elapsed).rounded(.up))) s left" }
        if elapsed >= length { return "waiting for the last answers" }
        return "\(Int(elapsed)) s of \(Quantity.length(seconds: length))"
    }

    private func errors(_ record: RunRecord) -> Int { record.operations.reduce(0) { $0 + $1.errors } }

    private mutating func newEvents(_ record: RunRecord) -> [String] {
        let new = record.events.dropFirst(eventsShown).map {
            "at \(Quantity.length(seconds: $0.atSeconds)): \(Hostile.visible($0.label))"
        }
        eventsShown = max(eventsShown, record.events.count)
        return new
    }

    // MARK: - Lines

    private mutating func line(_ record: RunRecord, _ elapsed: Double) -> String {
        var text = newEvents(record).map { "\($0)\n" }.joined()
        guard elapsed >= nextLineSeconds else { return text }
        nextLineSeconds =
            (elapsed / Self.secondsBetweenLines).rounded(.down) * Self.secondsBetweenLines + Self.secondsBetweenLines
        var parts = ["\(Hostile.visible(record.scenario.name)) \(place(record, elapsed))"]
        if let (window, seconds) = lastWindow(record, elapsed) {
            parts += [
                "planned \(Quantity.rate(Double(window.planned) / seconds))",
                "answered \(Quantity.rate(Double(window.answered) / seconds))",
            ]
            if !window.response.isEmpty {
                parts.append("p50 \(Quantity.time(microseconds: window.response.percentile(50)))")
                parts.append("p99 \(Quantity.time(microseconds: window.response.percentile(99)))")
            }
            parts.append("in flight \(Quantity.count(window.inFlightMax))")
        }
        parts.append("errors \(Quantity.count(errors(record)))")
        text += parts.joined(separator: ", ") + "\n"
        return text
    }

    // MARK: - Panel

    private mutating func panel(_ record: RunRecord, _ elapsed: Double, columns: Int, _ paint: Paint) -> String {
        let events = newEvents(record)
        var text = isDrawn ? "\u{1B}[\(Self.panelLines)A" : ""
        isDrawn = true
        for event in events { text += "\r\u{1B}[2K\(event.prefix(columns - 1))\n" }
        let share = min(max(elapsed / max(record.scenario.seconds, 1e-9), 0), 1)
        let barWidth = min(30, max(5, columns / 4))
        let full = Int((share * Double(barWidth)).rounded())
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: barWidth - full)
        let last = lastWindow(record, elapsed)
        let window = last?.window
        let failed = errors(record)
        let rate =
            last.map {
                "planned \(Quantity.rate(Double($0.window.planned) / $0.seconds))   answered \(Quantity.rate(Double($0.window.answered) / $0.seconds))"
            } ?? "–"
        let times =
            window.flatMap { window in
                window.response.isEmpty
                    ? nil
                    : "p50 \(Quantity.time(microseconds: window.response.percentile(50)))   p99 \(Quantity.time(microseconds: window.response.percentile(99)))"
            } ?? "–"
        let lines: [(String, (String) -> String)] = [
            ("\(Hostile.visible(record.scenario.name).prefix(30))  \(bar)  \(place(record, elapsed))", { $0 }),
            ("  rate        \(rate)", { $0 }),
            (
                "  \(record.windowSeconds == 1 ? "last second" : "last \(record.windowSeconds) s") \(times)   \(spark(record, elapsed, width: min(40, columns / 3)))",
                { $0 }
            ),
            (
                "  in flight   \(Quantity.count(window?.inFlightMax ?? 0))   errors \(Quantity.count(failed))",
                { failed > 0 ? paint.bad($0) : $0 }
            ),
        ]
        // Shortened to the terminal: a line that wraps would be drawn in another place the next time.
        for (line, painted) in lines { text += "\r\u{1B}[2K\(painted(String(line.prefix(columns - 1))))\n" }
        return text
    }

    /// The p99 of the last seconds, each by its height between the least and the most.
    private func spark(_ record: RunRecord, _ elapsed: Double, width: Int) -> String {
        let seen = min(Int(max(0, elapsed)) / record.windowSeconds, record.windows.count)
        let times = record.windows[..<seen].suffix(width).filter { !$0.response.isEmpty }.map {
            Double($0.response.percentile(99))
        }
        guard let least = times.min(), let most = times.max() else { return "" }
        return String(times.map { Self.sparks[most > least ? Int(($0 - least) / (most - least) * 7) : 0] })
    }
}
