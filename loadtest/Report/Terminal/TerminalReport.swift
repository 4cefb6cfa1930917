import LoadPlan
import LoadRecord

/// A run's end in a terminal or a log: the verdict, the objectives, and the figures most asked for.
package enum TerminalReport {
    /// - Parameter isColored: whether colours of a terminal may be used; meaning never hangs on them.
    package static func text(_ record: RunRecord, isColored: Bool = false) -> String {
        let paint = Paint(isOn: isColored)
        let total = record.total
        let judgement = RunJudgement(record)
        let headline = Headline(record, judgement, total: total)
        var lines: [String] = []
        let title = "\(Hostile.visible(record.scenario.name)): \(headline.title)"
        lines.append(paint.tone(headline.tone, title))
        lines.append(headline.sentence)
        lines += headline.cautions.map { paint.warning("! \(Hostile.visible($0))") }
        lines.append("")
        let percents: [Double] = [50, 90, 99, 99.9, 99.99]
        var rows = [["", "requests", "errors"] + percents.map { "p\(Quantity.plain($0))" } + ["max"]]
        func row(_ name: String, _ operation: OperationRecord) -> [String] {
            let times = operation.response
            return [name, Quantity.count(operation.requests), Quantity.count(operation.errors)]
                + percents.map { times.isEmpty ? "–" : Quantity.time(microseconds: times.percentile($0)) }
                + [times.isEmpty ? "–" : Quantity.time(microseconds: times.max)]
        }
        rows += record.operations.map { row($0.name, $0) }
        if record.operations.count > 1 { rows.append(row("all", total)) }
        lines += TextTable.lines(rows)
        lines.append("")
        lines.append(
            "From the planned time. From the sending: p99 \(time(total.service)). Slip of the generator: p99 \(time(total.slip))."
        )
        if record.isShared {
            lines += record.agents.map {
                "Agent \(Hostile.visible($0.name)): \(Quantity.count($0.sent)) sent, \(Quantity.share($0.cpuShare)) of a core, slip p99 \($0.slipWords), start known to \($0.clockWords)."
            }
        }
        if let waiting = Headline.waiting(total) { lines.append(waiting) }
        if total.errors > 0 {
            var endings = Outcome.allCases.filter { $0 != .ok && total.outcomes[$0] > 0 }
                .map { "\($0.name) \(Quantity.count(total.outcomes[$0]))" }
            if total.overflow > 0 { endings.append("overflow \(Quantity.count(total.overflow))") }
            lines.append(
                "Errors: \(endings.joined(separator: ", ")). Longest time without an ok answer: \(Quantity.time(microseconds: record.longestGapMicroseconds))."
            )
        }
        for event in record.events {
            lines.append("At \(Quantity.length(seconds: event.atSeconds)): \(Hostile.visible(event.label)) (\(event.ending))")
        }
        if let ledger = record.ledger, ledger.unchecked == nil {
            lines.append(
                "Ledger: \(Quantity.count(ledger.accepted)) accepted; lost \(Quantity.count(ledger.lost)), doubled \(Quantity.count(ledger.doubled)), wrong \(Quantity.count(ledger.wrong))."
            )
        }
        if let answers = record.answers {
            lines.append(
                "Answers compared with PostgreSQL: \(Quantity.count(answers.compared)), wrong \(Quantity.count(answers.wrong)).")
        }
        let examples = (record.ledger?.examples ?? []) + (record.answers?.examples ?? [])
        lines += examples.prefix(10).map { "  \(Hostile.visible($0))" }
        if !judgement.objectives.isEmpty {
            lines.append("")
            let table = TextTable.lines(judgement.objectives.map { [$0.state.word, $0.objective, $0.words] }, textColumns: 3)
            lines += zip(table, judgement.objectives).map { line, result in
                result.state == .held ? paint.good(line) : paint.bad(line)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func time(_ histogram: TimeHistogram) -> String {
        histogram.isEmpty ? "–" : Quantity.time(microseconds: histogram.percentile(99))
    }
}

/// Colours of a terminal, or none.
struct Paint: Sendable {
    let isOn: Bool

    func good(_ text: String) -> String { wrap(text, "32") }
    func bad(_ text: String) -> String { wrap(text, "31") }
    func warning(_ text: String) -> String { wrap(text, "33") }

    func tone(_ tone: Headline.Tone, _ text: String) -> String {
        switch tone {
        case .good: good(text)
        case .bad: bad(text)
        case .warning: warning(text)
        }
    }

    private func wrap(_ text: String, _ code: String) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}

/// Columns of equal width; cells are shown harmless.
enum TextTable {
    /// - Parameter textColumns: so many columns are text and stand on the left; the others are numbers.
    static func lines(_ rows: [[String]], textColumns: Int = 1) -> [String] {
        let rows = rows.map { $0.map(Hostile.visible) }
        let widths = (0..<(rows.first?.count ?? 0)).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: max(0, widths[column] - cell.count))
                return column < textColumns ? cell + blanks : blanks + cell
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
