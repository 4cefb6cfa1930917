import LoadPlan
import LoadRecord

/// Two compared runs, for a terminal and as Markdown.
package enum ComparisonReport {
    package static func text(_ comparison: RunComparison, isColored: Bool = false) -> String {
        let paint = Paint(isOn: isColored)
        let title = title(comparison)
        let tone: Headline.Tone = comparison.exitStatus == 0 ? .good : comparison.exitStatus == 1 ? .bad : .warning
        var lines = [paint.tone(tone, title)]
        lines += cautions(comparison).map { paint.warning("! \(Hostile.visible($0))") }
        for group in comparison.groups {
            lines += ["", heading(group)]
            let table = TextTable.lines([head(group)] + group.rows.map(cells))
            lines.append(table[0])
            lines += zip(table.dropFirst(), group.rows).map { line, row in
                switch row.verdict {
                case .worse: paint.bad(line)
                case .better: paint.good(line)
                case .noDifference, .notJudged: line
                }
            }
        }
        lines += ["", method]
        return lines.joined(separator: "\n") + "\n"
    }

    package static func markdown(_ comparison: RunComparison) -> String {
        var parts = ["# Comparison of two runs", "**\(title(comparison))**"]
        parts += cautions(comparison).map { "> \(Hostile.markdown($0))" }
        for group in comparison.groups {
            parts += ["## \(Hostile.markdown(heading(group)))", MarkdownReport.table(head(group), group.rows.map(cells))]
        }
        parts.append(method)
        return parts.joined(separator: "\n\n") + "\n"
    }

    private static let method = """
        The second run's figure divided by the first one's; of errors the difference. The interval is from a circular block bootstrap over the runs' windows \
        (\(RunComparison.resamples) resamples, a fixed seed); changes within \(Quantity.share(RunComparison.margin)) count as none. It knows how the two runs varied \
        within themselves, not how runs differ from each other: repeat a close result.
        """

    private static func title(_ comparison: RunComparison) -> String {
        if !comparison.invalid.isEmpty { return "Not comparable: a run is invalid" }
        return switch comparison.verdict {
        case .worse: "The second run is worse"
        case .better: "The second run is better"
        case .noDifference: "No difference shown"
        case .notJudged: "Nothing could be judged"
        }
    }

    private static func cautions(_ comparison: RunComparison) -> [String] {
        comparison.invalid + comparison.differences.map { "the loads differ: \($0)" }
    }

    private static func heading(_ group: RunComparison.Group) -> String {
        group.operation.map { "Operation \(Hostile.visible($0))" } ?? "All operations together"
    }

    private static func head(_ group: RunComparison.Group) -> [String] {
        ["", "first", "second", "change", "\(Quantity.share(group.confidence)) interval", "verdict"]
    }

    private static func cells(_ row: RunComparison.Row) -> [String] {
        func figure(_ value: Double) -> String {
            row.isDifference
                ? Quantity.share(value) : row.metric == "rate" ? Quantity.rate(value) : Quantity.time(microseconds: value)
        }
        func change(_ value: Double) -> String {
            if !row.isDifference { return "×\(Quantity.decimal(value, places: 3))" }
            return value == 0 ? "±0%" : "\(value > 0 ? "+" : "−")\(Quantity.share(abs(value)))"
        }
        let interval = row.low.flatMap { low in row.high.map { "\(change(low)) to \(change($0))" } } ?? "–"
        let verdict = row.reason.map { "\(row.verdict.rawValue): \($0)" } ?? row.verdict.rawValue
        return [row.metric, figure(row.a), figure(row.b), row.change.map(change) ?? "–", interval, verdict]
    }
}
