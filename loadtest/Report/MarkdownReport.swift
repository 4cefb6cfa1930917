import Core
import LoadPlan
import LoadRecord

/// A run as Markdown: for a pull request, or a page of documentation.
package enum MarkdownReport {
    package static func text(_ record: RunRecord) -> String {
        let total = record.total
        let judgement = RunJudgement(record)
        let headline = Headline(record, judgement, total: total)
        var parts = [
            "# Load test: \(Hostile.markdown(record.scenario.name))",
            "**\(Hostile.markdown(headline.title)).** \(Hostile.markdown(headline.sentence))",
        ]
        parts += headline.cautions.map { "> \(Hostile.markdown($0))" }
        if !judgement.objectives.isEmpty {
            parts.append("## Objectives")
            parts.append(
                table(
                    ["objective", "seen", ""],
                    judgement.objectives.map {
                        [$0.objective, $0.words, $0.state == .held ? "held" : $0.state.word.uppercased()]
                    }))
        }
        parts.append("## Response times")
        parts.append(
            "From each request's planned time. Service counts from the moment of sending, slip is the difference and belongs to the generator."
        )
        parts.append(times(total))
        if let waiting = Headline.waiting(total) { parts.append(Hostile.markdown(waiting)) }
        parts.append("## Operations")
        parts.append(operations(record, total: total))
        if total.errors > 0 { parts += ["## How requests ended", outcomes(total)] }
        if record.shards.count > 1 { parts += [shardsTitle(record), shards(record)] }
        if !record.events.isEmpty {
            parts.append("## Events")
            parts.append(
                table(
                    ["at", "what", "how it ended"],
                    record.events.map { [Quantity.length(seconds: $0.atSeconds), $0.label, $0.ending] }))
        }
        if let check = check(record) { parts += ["## Ledger and answers", check] }
        if record.isShared { parts += ["## Agents", agents(record)] }
        parts += ["## Environment", environment(record)]
        return parts.joined(separator: "\n\n") + "\n"
    }

    static func table(_ head: [String], _ rows: [[String]], textColumns: Int = 1) -> String {
        let lines = [head] + rows
        let marks = head.indices.map { $0 < textColumns ? "---" : "---:" }
        var text = lines.map { "| " + $0.map(Hostile.markdown).joined(separator: " | ") + " |" }
        text.insert("| " + marks.joined(separator: " | ") + " |", at: 1)
        return text.joined(separator: "\n")
    }

    private static func times(_ total: OperationRecord) -> String {
        let percents: [Double] = [50, 90, 99, 99.9, 99.99]
        let rows = [("response", total.response), ("service", total.service), ("slip", total.slip)].map { name, histogram in
            [name] + percents.map { Quantity.time(microseconds: histogram.percentile($0)) }
                + [Quantity.time(microseconds: histogram.max), Quantity.time(microseconds: histogram.mean)]
        }
        return table([""] + percents.map { "p\(Quantity.plain($0))" } + ["max", "mean"], rows)
    }

    private static func operations(_ record: RunRecord, total: OperationRecord) -> String {
        let rows = (record.operations + (record.operations.count > 1 ? [total] : [])).map { operation in
            [
                operation.name, Quantity.count(operation.requests), Quantity.count(operation.errors),
                Quantity.time(microseconds: operation.response.percentile(50)),
                Quantity.time(microseconds: operation.response.percentile(99)),
                Quantity.time(microseconds: operation.response.percentile(99.9)),
                Quantity.time(microseconds: operation.response.max),
            ]
        }
        return table(["operation", "requests", "errors", "p50", "p99", "p99.9", "max"], rows)
    }

    /// Of hundreds of shards, those that a reader looks for.
    private static let shardsMax = 10

    private static func shardsTitle(_ record: RunRecord) -> String {
        record.shards.count > shardsMax ? "## The \(shardsMax) slowest of \(record.shards.count) shards" : "## Shards"
    }

    private static func shards(_ record: RunRecord) -> String {
        let slowest = record.shards.map { ($0, p99: $0.response.percentile(99)) }.sorted { $0.p99 > $1.p99 }
        let shown = record.shards.count > shardsMax ? slowest.prefix(shardsMax).map(\.0) : record.shards
        return table(
            ["shard", "requests", "errors", "p50", "p99", "max"],
            shown.map {
                [
                    String($0.shard), Quantity.count($0.outcomes.total), Quantity.count($0.outcomes.errors),
                    Quantity.time(microseconds: $0.response.percentile(50)),
                    Quantity.time(microseconds: $0.response.percentile(99)),
                    Quantity.time(microseconds: $0.response.max),
                ]
            })
    }

    private static func outcomes(_ total: OperationRecord) -> String {
        var rows = Outcome.allCases.filter { total.outcomes[$0] > 0 }.map {
            [$0.name, $0.words, Quantity.count(total.outcomes[$0])]
        }
        if total.overflow > 0 { rows.append(["overflow", "not sent: too many in flight", Quantity.count(total.overflow)]) }
        return table(["outcome", "meaning", "requests"], rows, textColumns: 2)
    }

    private static func check(_ record: RunRecord) -> String? {
        var rows: [[String]] = []
        if let ledger = record.ledger, ledger.unchecked == nil {
            rows += [
                ["accepted", Quantity.count(ledger.accepted)], ["lost", Quantity.count(ledger.lost)],
                ["doubled", Quantity.count(ledger.doubled)], ["wrong", Quantity.count(ledger.wrong)],
                ["no answer, and there", Quantity.count(ledger.unanswered)],
            ]
        }
        if let answers = record.answers {
            rows += [
                ["answers compared with PostgreSQL", Quantity.count(answers.compared)],
                ["of them wrong", Quantity.count(answers.wrong)],
                ["skipped: something changed meanwhile", Quantity.count(answers.skipped)],
            ]
        }
        guard !rows.isEmpty else { return nil }
        let examples = (record.ledger?.examples ?? []) + (record.answers?.examples ?? [])
        return ([table(["check", "count"], rows)] + examples.prefix(20).map { "- \(Hostile.markdown($0))" }).joined(
            separator: "\n\n")
    }

    private static func environment(_ record: RunRecord) -> String {
        let scenario = record.scenario
        let moment = ByteBuilder()
        moment.appendRFC3339(unixMicroseconds: record.startedAtMicroseconds / 1_000_000 * 1_000_000)
        var rows = [
            ["started", String(decoding: moment.bytes, as: UTF8.self)], ["target", record.environment.target],
            [
                record.isShared ? "controller's processor" : "processor",
                "\(record.environment.processor), \(record.environment.cores) cores",
            ],
            ["kernel", record.environment.kernel],
            ["fature", "\(record.environment.versionText), commit \(record.environment.commit)"],
            ["seed", String(scenario.seed)],
            ["connections", "\(scenario.connections), at most \(Quantity.count(scenario.maxInFlight)) in flight"],
        ]
        rows += scenario.phases.map { ["phase \($0.name)", "\(Quantity.length(seconds: $0.seconds)): \($0.shape.words)"] }
        if !record.isShared {
            rows += record.agents.map {
                ["generator", "\(Quantity.count($0.sent)) sent, \(Quantity.share($0.cpuShare)) of a core"]
            }
        }
        return table(["", ""], rows, textColumns: 2)
    }

    /// One generator each: none may hide behind the others.
    private static func agents(_ record: RunRecord) -> String {
        table(
            ["agent", "on", "sent", "of a core", "slip p99", "start known to"],
            record.agents.map {
                [
                    $0.name, $0.hostWords, Quantity.count($0.sent), Quantity.share($0.cpuShare), $0.slipWords, $0.clockWords,
                ]
            }, textColumns: 2)
    }
}
