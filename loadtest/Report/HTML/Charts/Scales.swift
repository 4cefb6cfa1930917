import Glibc
import LoadRecord

/// From microseconds to a place on a chart, by powers of ten.
struct LogScale: Sendable {
    /// Powers of ten of the ends.
    private let low: Double
    private let high: Double
    /// Places of the shortest and the longest time; a vertical axis has them the other way round.
    let from: Double
    let to: Double

    private static let stops = [1.0, 2, 5, 10]

    /// From 1, 2 or 5 times a power of ten to another, around the two times and at least a decade apart.
    init(low: UInt64, high: UInt64, from: Double, to: Double) {
        func power(_ value: Double) -> (power: Double, factor: Double) {
            let power = pow(10, floor(log10(value)))
            return (power, value / power)
        }
        let (lowPower, lowFactor) = power(Double(max(low, 1)))
        let first = log10(lowPower * (Self.stops.last { $0 <= lowFactor + 1e-9 } ?? 1))
        let (highPower, highFactor) = power(Double(max(high, 2)))
        self.low = first
        self.high = max(log10(highPower * (Self.stops.first { $0 >= highFactor - 1e-9 } ?? 10)), first + 1)
        self.from = from
        self.to = to
    }

    func place(_ microseconds: Double) -> Double {
        let share = (log10(max(microseconds, 1e-3)) - low) / (high - low)
        return from + min(max(share, 0), 1) * (to - from)
    }

    var decades: Double { high - low }

    /// The shortest and the longest time.
    var ends: String { "\(Self.label(pow(10, low).rounded())) to \(Self.label(pow(10, high).rounded()))" }

    /// The powers of ten, and twice and five times them where there are few.
    var ticks: [(place: Double, label: String)] {
        let factors: [Double] = decades > 3 ? [1] : [1, 2, 5]
        return times(factors).map { (place($0), Self.label($0)) }
    }

    /// 2, 3 … 9 times each power of ten.
    var minorTicks: [Double] { times([2, 3, 4, 5, 6, 7, 8, 9]).map(place) }

    private func times(_ factors: [Double]) -> [Double] {
        var times: [Double] = []
        for decade in Int(floor(low))...Int(ceil(high)) {
            for factor in factors {
                let time: Double = pow(10, Double(decade)) * factor
                let power = log10(time)
                if power >= low - 1e-9, power <= high + 1e-9 { times.append(time) }
            }
        }
        return times
    }

    static func label(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<1000: "\(Quantity.plain(microseconds)) µs"
        case ..<1_000_000: "\(Quantity.plain(microseconds / 1000)) ms"
        default: "\(Quantity.plain(microseconds / 1_000_000)) s"
        }
    }
}

/// From 0 to a round number.
struct LinearScale: Sendable {
    let step: Double
    let top: Double
    let from: Double
    let to: Double

    init(highest: Double, from: Double, to: Double, steps: Double = 4) {
        let rough = max(highest, 1e-6) / steps
        let power = pow(10, floor(log10(rough)))
        let factor = [1, 2, 2.5, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10
        step = factor * power
        top = max(ceil(max(highest, 1e-6) / step - 1e-9), 1) * step
        self.from = from
        self.to = to
    }

    func place(_ value: Double) -> Double { from + min(max(value / top, 0), 1) * (to - from) }

    var ticks: [(place: Double, value: Double)] {
        (0...Int((top / step).rounded())).map { (place(Double($0) * step), Double($0) * step) }
    }
}

/// The frame that all charts over time share: the same seconds stand at the same place.
struct TimeFrame: Sendable {
    static let width = 1000.0
    static let left = 74.0
    static let right = 968.0

    let seconds: Double
    let top: Double
    let bottom: Double

    func x(_ second: Double) -> Double { Self.left + min(max(second / seconds, 0), 1) * (Self.right - Self.left) }

    /// Ticks at round times, the labels below the chart.
    var axis: Markup {
        let scale = LinearScale(highest: seconds, from: Self.left, to: Self.right, steps: 6)
        var axis: Markup = "<path class=\"axis\" d=\"M\(Self.left) \(bottom)H\(Self.right)\"/>"
        var second = 0.0
        let step = Self.roundStep(seconds, rough: scale.step)
        while second <= seconds * 1.0001 {
            axis +=
                "<path class=\"axis\" d=\"M\(x(second)) \(bottom)v4\"/><text class=\"tick mid\" x=\"\(x(second))\" y=\"\(bottom + 18)\">\(Self.label(second, of: seconds))</text>"
            second += step
        }
        return axis
    }

    /// Minutes and hours go by sixties.
    private static func roundStep(_ seconds: Double, rough: Double) -> Double {
        guard seconds >= 120 else { return rough }
        let steps: [Double] = [30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]
        return steps.first { $0 >= seconds / 8 } ?? 86_400
    }

    private static func label(_ second: Double, of seconds: Double) -> String {
        if seconds < 120 { return "\(Quantity.plain(second)) s" }
        return second == 0 ? "0" : Quantity.length(seconds: (second / 30).rounded() * 30)
    }
}

/// A chart with its name and what it says, for those who do not see it.
enum Figure {
    static func svg(id: String, height: Double, title: String, description: String, _ body: Markup) -> Markup {
        """
        <div class="chart"><svg viewBox="0 0 \(Int(TimeFrame.width)) \(height)" role="img" aria-labelledby="\(id)-t \(id)-d">\
        <title id="\(id)-t">\(title)</title><desc id="\(id)-d">\(description)</desc>\(body)</svg></div>
        """
    }

    /// A path through points.
    static func line(_ points: [(Double, Double)]) -> String {
        var text = ""
        for (index, point) in points.enumerated() {
            text += "\(index == 0 ? "M" : "L")\(Quantity.plain(point.0, places: 1)) \(Quantity.plain(point.1, places: 1))"
        }
        return text
    }
}
