import Glibc
import LoadRecord

/// The charts that share the run's seconds, with its events, phases and longest gap marked in each.
struct TimeLineCharts {
    let timeline: TimeLine
    let record: RunRecord

    /// Cells a decade of time, at most; and shades of a cell.
    private static let cellsMax = 44
    static let shades = 8
    /// Shorter gaps are no sight.
    private static let gapShownSeconds = 0.2

    // MARK: - Latency

    var heatMap: Markup {
        let (top, bottom) = (30.0, 320.0)
        var (low, high) = (UInt64.max, UInt64(1))
        for column in timeline.columns where !column.window.response.isEmpty {
            low = min(low, column.window.response.percentile(0.1))
            high = max(high, column.window.response.max)
        }
        guard low != .max else { return "<p class=\"none\">No answer came: there is nothing to draw.</p>" }
        let scale = LogScale(low: max(low, 10), high: high, from: bottom, to: top)
        let frame = TimeFrame(seconds: timeline.seconds, top: top, bottom: bottom)
        var body: Markup =
            "<rect class=\"ground\" x=\"\(TimeFrame.left)\" y=\"\(top)\" width=\"\(TimeFrame.right - TimeFrame.left)\" height=\"\(bottom - top)\"/>"
        body += cells(scale, frame)
        for tick in scale.ticks {
            body +=
                "<path class=\"grid over\" d=\"M\(TimeFrame.left) \(tick.place)H\(TimeFrame.right)\"/><text class=\"tick end\" x=\"\(TimeFrame.left - 8)\" y=\"\(tick.place + 4)\">\(tick.label)</text>"
        }
        for (percent, kind) in [(99.0, "p99"), (50.0, "p50")] {
            let points = timeline.columns.filter { !$0.window.response.isEmpty }.map {
                (frame.x($0.fromSeconds + $0.seconds / 2), scale.place(Double($0.window.response.percentile(percent))))
            }
            body +=
                "<path class=\"over-halo\" d=\"\(Markup(trusted: Figure.line(points)))\"/><path class=\"over \(kind)\" d=\"\(Markup(trusted: Figure.line(points)))\"/>"
        }
        body += spans(frame, height: 7) + marks(frame, isFirst: true) + frame.axis + hovers(frame)
        return Figure.svg(
            id: "heat", height: bottom + 26, title: "Response times over the run",
            description:
                "A heat map: time runs to the right, response time upwards on a logarithmic axis, and the stronger the colour the more requests. Lines show the median and the 99th percentile of each window. The figures are in the table of windows below.",
            body)
    }

    private func cells(_ scale: LogScale, _ frame: TimeFrame) -> Markup {
        let cellCount = max(8, min(Self.cellsMax, Int(scale.decades * 12)))
        let height = (frame.bottom - frame.top) / Double(cellCount)
        var counts = timeline.columns.map { column in
            var cells = [Double](repeating: 0, count: cellCount)
            column.window.response.forEachBucket { time, count in
                let cell = Int((frame.bottom - scale.place(Double(max(time, 1)))) / height)
                cells[min(max(cell, 0), cellCount - 1)] += Double(count) / column.seconds
            }
            return cells
        }
        let most = max(counts.flatMap { $0 }.max() ?? 1, 2)
        for index in counts.indices {
            for cell in 0..<cellCount where counts[index][cell] > 0 {
                counts[index][cell] = 1 + (log(max(counts[index][cell], 1)) / log(most) * Double(Self.shades - 1)).rounded()
            }
        }
        var paths = [String](repeating: "", count: Self.shades + 1)
        for (index, column) in timeline.columns.enumerated() {
            let x = frame.x(column.fromSeconds)
            let width = frame.x(column.fromSeconds + column.seconds) - x + 0.3
            var cell = 0
            while cell < cellCount {
                let shade = Int(counts[index][cell])
                var end = cell + 1
                while end < cellCount, Int(counts[index][end]) == shade { end += 1 }
                if shade > 0 {
                    let y = frame.bottom - Double(end) * height
                    let (w, h) = (Quantity.plain(width, places: 1), Quantity.plain(Double(end - cell) * height + 0.3, places: 1))
                    paths[min(shade, Self.shades)] +=
                        "M\(Quantity.plain(x, places: 1)) \(Quantity.plain(y, places: 1))h\(w)v\(h)h-\(w)z"
                }
                cell = end
            }
        }
        return paths.enumerated().filter { !$0.element.isEmpty }
            .map { "<path class=\"h\($0.offset)\" d=\"\(Markup(trusted: $0.element))\"/>" as Markup }.joined()
    }

    // MARK: - Rate, in flight, errors

    var rates: Markup {
        let highest = timeline.columns.map { max($0.plannedRate, $0.answerRate) }.max() ?? 1
        return chart(
            id: "rates", title: "Planned and achieved rate", highest: highest, label: { Self.short($0) },
            description: "Requests planned and answers received a second."
        ) { frame, scale in
            let answered = steps(frame, scale) { $0.answerRate }
            return hovers(frame) + """
                <path class="area answered" d="\(Markup(trusted: answered + closing(frame)))"/><path class="line answered" d="\(Markup(trusted: answered))"/>\
                <path class="line planned" d="\(Markup(trusted: steps(frame, scale) { $0.plannedRate }))"/>
                """
        }
    }

    var inFlight: Markup {
        let highest = Double(timeline.columns.map(\.window.inFlightMax).max() ?? 1)
        return chart(
            id: "flight", title: "In flight", highest: highest, label: { Self.short($0) },
            description: "The most requests that waited for answers at once, in each window."
        ) { frame, scale in
            let line = steps(frame, scale) { Double($0.window.inFlightMax) }
            return
                "<path class=\"area flight\" d=\"\(Markup(trusted: line + closing(frame)))\"/><path class=\"line flight\" d=\"\(Markup(trusted: line))\"/>"
        }
    }

    /// The kinds of errors that were seen, in a fixed order, each with its class.
    var errorKinds: [(name: String, style: String, count: (WindowRecord) -> Int)] {
        var kinds: [(name: String, style: String, count: (WindowRecord) -> Int)] = []
        for outcome in Outcome.allCases where outcome != .ok {
            kinds.append((outcome.name, "e\(outcome.rawValue)", { $0.outcomes[outcome] }))
        }
        kinds.append(("overflow", "e9", { $0.overflow }))
        return kinds.filter { kind in timeline.columns.contains { kind.count($0.window) > 0 } }
    }

    var errors: Markup {
        let kinds = errorKinds
        guard !kinds.isEmpty else { return "<p class=\"none good\">Every request in every window ended well.</p>" }
        let highest = Double(timeline.columns.map(\.window.errors).max() ?? 1)
        return chart(
            id: "errors", title: "Errors", highest: highest, label: { Self.short($0) },
            description: "Requests that did not end well, in each window, by how they ended."
        ) { frame, scale in
            var below = [Int](repeating: 0, count: timeline.columns.count)
            return kinds.map { kind -> Markup in
                var path = ""
                for (index, column) in timeline.columns.enumerated() {
                    let count = kind.count(column.window)
                    guard count > 0 else { continue }
                    let x = frame.x(column.fromSeconds)
                    let width = max(frame.x(column.fromSeconds + column.seconds) - x - 0.6, 1)
                    let (y, base) = (scale.place(Double(below[index] + count)), scale.place(Double(below[index])))
                    let height = max(base - y, 1.5)
                    path +=
                        "M\(Quantity.plain(x, places: 1)) \(Quantity.plain(base - height, places: 1))h\(Quantity.plain(width, places: 1))v\(Quantity.plain(height, places: 1))h-\(Quantity.plain(width, places: 1))z"
                    below[index] += count
                }
                return "<path class=\"\(kind.style)\" d=\"\(Markup(trusted: path))\"/>"
            }.joined()
        }
    }

    // MARK: - Pieces

    private func chart(
        id: String, title: String, highest: Double, label: (Double) -> String, description: String,
        _ content: (TimeFrame, LinearScale) -> Markup
    ) -> Markup {
        let (top, bottom) = (10.0, 128.0)
        let scale = LinearScale(highest: highest, from: bottom, to: top, steps: 3)
        let frame = TimeFrame(seconds: timeline.seconds, top: top, bottom: bottom)
        var body = Markup()
        for tick in scale.ticks {
            body +=
                "<path class=\"grid\" d=\"M\(TimeFrame.left) \(tick.place)H\(TimeFrame.right)\"/><text class=\"tick end\" x=\"\(TimeFrame.left - 8)\" y=\"\(tick.place + 4)\">\(label(tick.value))</text>"
        }
        body += spans(frame, height: bottom - top) + content(frame, scale) + marks(frame, isFirst: false) + frame.axis
        return Figure.svg(
            id: id, height: bottom + 26, title: title,
            description: "\(description) The figures are in the table of windows below.", body)
    }

    private func steps(_ frame: TimeFrame, _ scale: LinearScale, _ value: (TimeLine.Column) -> Double) -> String {
        var path = ""
        for column in timeline.columns {
            let y = Quantity.plain(scale.place(value(column)), places: 1)
            path += path.isEmpty ? "M\(Quantity.plain(frame.x(column.fromSeconds), places: 1)) \(y)" : "V\(y)"
            path += "H\(Quantity.plain(frame.x(column.fromSeconds + column.seconds), places: 1))"
        }
        return path
    }

    private func closing(_ frame: TimeFrame) -> String { timeline.columns.isEmpty ? "" : "V\(frame.bottom)H\(TimeFrame.left)z" }

    /// How long events and the longest gap lasted: over the whole height, or as a strip at the top where colours below mean something.
    private func spans(_ frame: TimeFrame, height: Double) -> Markup {
        var spans: [(style: String, from: Double, seconds: Double)] = record.events.prefix(RunPage.eventsMax).map {
            ("event-span", $0.atSeconds, $0.tookSeconds ?? 0)
        }
        if let gap = record.longestGap, gap.seconds >= Self.gapShownSeconds {
            spans.append(("gap", gap.fromSeconds, gap.seconds))
        }
        return spans.filter { $0.seconds > 0 }.map { span -> Markup in
            let x = frame.x(span.from)
            let width = max(frame.x(span.from + span.seconds) - x, 1.5)
            return "<rect class=\"\(span.style)\" x=\"\(x)\" y=\"\(frame.top)\" width=\"\(width)\" height=\"\(height)\"/>"
        }.joined()
    }

    /// Events with their numbers, and where phases begin.
    private func marks(_ frame: TimeFrame, isFirst: Bool) -> Markup {
        var marks = Markup()
        var begin = 0.0
        if record.scenario.phases.count > 1 {
            for phase in record.scenario.phases {
                let (x, end) = (frame.x(begin), frame.x(begin + phase.seconds))
                if begin > 0 { marks += "<path class=\"phase\" d=\"M\(x) \(frame.top)V\(frame.bottom)\"/>" }
                let fitting = Int((end - x) / 7)
                if isFirst, fitting >= 3 {
                    let name = phase.name.count > fitting ? "\(phase.name.prefix(fitting - 1))…" : phase.name
                    marks += "<text class=\"tick\" x=\"\(x + 4)\" y=\"\(frame.bottom - 7)\">\(name)</text>"
                }
                begin += phase.seconds
            }
        }
        for (index, event) in record.events.prefix(RunPage.eventsMax).enumerated() {
            let x = frame.x(event.atSeconds)
            marks +=
                "<g class=\"event\"><title>\(Quantity.length(seconds: event.atSeconds)): \(event.label)</title><path d=\"M\(x) \(frame.top)V\(frame.bottom)\"/>"
            if isFirst {
                marks +=
                    "<circle cx=\"\(x)\" cy=\"\(frame.top - 12)\" r=\"10\"/><text class=\"mid\" x=\"\(x)\" y=\"\(frame.top - 8)\">\(index + 1)</text>"
            }
            marks += "</g>"
        }
        return marks
    }

    /// What a pointer over a window shows.
    private func hovers(_ frame: TimeFrame) -> Markup {
        timeline.columns.map { column -> Markup in
            let x = frame.x(column.fromSeconds)
            let width = frame.x(column.fromSeconds + column.seconds) - x
            let window = column.window
            let times =
                window.response.isEmpty
                ? "no answer"
                : "p50 \(Quantity.time(microseconds: window.response.percentile(50))), p99 \(Quantity.time(microseconds: window.response.percentile(99)))"
            return """
                <rect class="hover" x="\(x)" y="\(frame.top)" width="\(width)" height="\(frame.bottom - frame.top)"><title>\(Quantity.length(seconds: column.fromSeconds)): \
                \(times); \(Quantity.count(window.planned)) planned, \(Quantity.count(window.answered)) answered, \(Quantity.count(window.errors)) errors, \
                in flight \(Quantity.count(window.inFlightMax))</title></rect>
                """
        }.joined()
    }

    /// `50k`, `1.2M`
    private static func short(_ value: Double) -> String {
        switch value {
        case ..<10_000: value < 10 ? Quantity.plain(value) : Quantity.count(Int(value.rounded()))
        case ..<1_000_000: "\(Quantity.plain(value / 1000, places: 1))k"
        default: "\(Quantity.plain(value / 1_000_000, places: 2))M"
        }
    }
}
