import LoadRecord

/// A small drawing for a table's row: a line from the median to the 99.9th percentile on the table's logarithmic axis, with a dot at the median and a bar
/// at the 99th. The numbers stand beside it.
struct SpreadStrip {
    private static let (width, height) = (150.0, 18.0)
    private let scale: LogScale

    /// One axis for all rows.
    init(_ histograms: [TimeHistogram]) {
        let used = histograms.filter { !$0.isEmpty }
        scale = LogScale(
            low: used.map { max($0.percentile(50), 1) }.min() ?? 1, high: used.map { $0.percentile(99.9) }.max() ?? 100, from: 4,
            to: Self.width - 4)
    }

    var axisWords: String {
        "\(scale.ends), logarithmic: dot p50, bar p99, end p99.9"
    }

    func markup(_ histogram: TimeHistogram) -> Markup {
        guard !histogram.isEmpty else { return Markup() }
        let (p50, p99, p999) = (
            scale.place(Double(histogram.percentile(50))), scale.place(Double(histogram.percentile(99))),
            scale.place(Double(histogram.percentile(99.9)))
        )
        let ticks = scale.ticks.map { Markup(trusted: "M\(Quantity.plain($0.place, places: 1)) 1V17") }
        return """
            <svg class="strip" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" aria-hidden="true"><path class="grid" d="\(ticks)"/>\
            <path class="spread" d="M\(p50) 9H\(p99)"/><path class="spread thin" d="M\(p99) 9H\(p999)"/><path class="spread" d="M\(p99) 4v10"/><circle cx="\(p50)" cy="9" r="4"/></svg>
            """
    }
}
