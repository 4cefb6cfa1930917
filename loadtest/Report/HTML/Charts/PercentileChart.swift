import Glibc
import LoadPlan
import LoadRecord

/// Times against the share of requests that took no longer, as nines: each step to the right is ten times rarer.
struct PercentileChart {
    static let nines = 5.0
    private static let height = 380.0
    private static let (top, bottom) = (22.0, 330.0)
    private static let pointsADecade = 40

    let total: OperationRecord
    let objectives: [Objective]

    var markup: Markup {
        let histograms = [total.response, total.service, total.slip].filter { !$0.isEmpty }
        guard !total.response.isEmpty else { return "<p class=\"none\">No answer came: there is nothing to draw.</p>" }
        let bounds = objectives.filter { $0.operation == nil }.compactMap { objective -> (Double, Objective)? in
            if case .percentile(let percent) = objective.metric { (percent, objective) } else { nil }
        }
        let low = histograms.map { max($0.percentile(0), 1) }.min() ?? 1
        let high = max(histograms.map(\.max).max() ?? 1, bounds.map { UInt64(max(0, min($0.1.bound, 1e9))) }.max() ?? 0)
        let scale = LogScale(low: max(low, 10), high: high, from: Self.bottom, to: Self.top)
        var body = grid(scale)
        body +=
            curve(total.slip, "slip", scale) + curve(total.response, "response", scale) + curve(total.service, "service", scale)
        for (percent, objective) in bounds {
            let (x, y) = (Self.x(percent), scale.place(objective.bound))
            body += """
                <g class="bound"><title>objective \(objective.text)</title><path d="M\(x - 16) \(y)h32M\(x) \(y - 5)v10"/>\
                <text class="tick mid" x="\(x)" y="\(y - 9)">\(objective.text)</text></g>
                """
        }
        body += marks(scale)
        return Figure.svg(
            id: "percentiles", height: Self.height, title: "Percentile curve",
            description:
                "Response, service and slip times by percentile, on logarithmic axes. The figures are in the table below.", body)
    }

    private static func x(_ percent: Double) -> Double {
        let nines = -log10(max(1 - percent / 100, pow(10, -Self.nines)))
        return TimeFrame.left + nines / Self.nines * (TimeFrame.right - TimeFrame.left)
    }

    private func grid(_ scale: LogScale) -> Markup {
        var grid = Markup()
        let minor = scale.minorTicks.map {
            Markup(trusted: "M\(TimeFrame.left) \(Quantity.plain($0, places: 1))H\(TimeFrame.right)")
        }
        grid += "<path class=\"grid faint\" d=\"\(minor)\"/>"
        for tick in scale.ticks {
            grid +=
                "<path class=\"grid\" d=\"M\(TimeFrame.left) \(tick.place)H\(TimeFrame.right)\"/><text class=\"tick end\" x=\"\(TimeFrame.left - 8)\" y=\"\(tick.place + 4)\">\(tick.label)</text>"
        }
        for percent in [0, 50, 90, 99, 99.9, 99.99, 99.999] {
            let x = Self.x(percent)
            grid +=
                "<path class=\"grid\" d=\"M\(x) \(Self.top)V\(Self.bottom + 4)\"/><text class=\"tick \(percent == 99.999 ? "end" : "mid")\" x=\"\(x)\" y=\"\(Self.bottom + 20)\">\(Quantity.plain(percent, places: 3))%</text>"
        }
        grid +=
            "<text class=\"tick mid\" x=\"\((TimeFrame.left + TimeFrame.right) / 2)\" y=\"\(Self.bottom + 42)\">share of the answers that took no longer</text>"
        return grid
    }

    /// As far as there are answers: beyond the last of n, at 1 − 1/n, nothing is known.
    private func curve(_ histogram: TimeHistogram, _ kind: String, _ scale: LogScale) -> Markup {
        guard !histogram.isEmpty else { return Markup() }
        let end = min(log10(Double(histogram.count)), Self.nines)
        let steps = max(1, Int(end * Double(Self.pointsADecade)))
        var points: [(Double, Double)] = []
        for step in 0...steps {
            let percent = 100 * (1 - pow(10, -end * Double(step) / Double(steps)))
            let y = scale.place(Double(max(histogram.percentile(percent), 1)))
            // Only where it rises: a histogram has steps.
            if points.count > 1, points[points.count - 1].1 == y, points[points.count - 2].1 == y { points.removeLast() }
            points.append((Self.x(percent), y))
        }
        return "<path class=\"curve \(kind)\" d=\"\(Markup(trusted: Figure.line(points)))\"><title>\(kind) time</title></path>"
    }

    /// The figures most asked for, on the response curve.
    private func marks(_ scale: LogScale) -> Markup {
        [50, 90, 99, 99.9, 99.99].filter { (100 - $0) / 100 * Double(total.response.count) >= 1 }.map { percent -> Markup in
            let time = total.response.percentile(percent)
            let (x, y) = (Self.x(percent), scale.place(Double(time)))
            let text = Quantity.time(microseconds: time)
            return """
                <g><title>p\(Quantity.plain(percent)): \(text)</title><circle class="mark response" cx="\(x)" cy="\(y)" r="4"/>\
                <text class="value end" x="\(x - 7)" y="\(y - 8)">\(text)</text></g>
                """
        }.joined()
    }
}
