import Core
import Store

/// A reconciliation as a table and as JSON.
struct ReconciliationReportText {
    struct Document: Encodable {
        struct Check: Encodable {
            struct Example: Encodable {
                let what: String
                let expected: String
                let found: String
            }

            let check: String
            let count: Int64
            /// Decimal text.
            let amount: String
            let meaning: String
            let examples: [Example]
        }

        struct Action: Encodable {
            let action: String
            let count: Int64
            let amount: String
            let meaning: String
            let examples: [String]
        }

        let ok: Bool
        let differences: Int64
        let snapshotAt: String
        let transactions: Int64
        let processed: Int64
        let waiting: Int64
        let discarded: Int64
        let entries: Int64
        let amount: String
        let checks: [Check]
        let notChecked: [String]
        /// Nil without `--fix`.
        let actions: [Action]?
        let dryRun: Bool
    }

    let document: Document

    init(_ report: ReconciliationReport, actions: [MendingAction]?, isDryRun: Bool) {
        document = Document(
            ok: report.isClean, differences: report.differences,
            snapshotAt: MomentText.of(microseconds: report.snapshotMicroseconds),
            transactions: report.transactions, processed: report.processed, waiting: report.waiting, discarded: report.discarded,
            entries: report.entries, amount: report.amount,
            checks: report.findings.map { finding in
                .init(
                    check: finding.check.rawValue, count: finding.count, amount: finding.amount, meaning: finding.check.meaning,
                    examples: finding.examples.map { .init(what: $0.what, expected: $0.expected, found: $0.found) })
            },
            notChecked: report.leftOut.map(\.rawValue),
            actions: actions?.map {
                .init(
                    action: $0.step.rawValue, count: $0.count, amount: $0.amount, meaning: $0.step.meaning, examples: $0.examples)
            }, dryRun: isDryRun)
    }

    var table: String {
        var paragraphs = [
            """
            as of \(document.snapshotAt)
            \(document.transactions) transactions: \(document.processed) processed, \(document.waiting) waiting, \
            \(document.discarded) given up
            \(document.entries) entries, \(document.amount) in all
            """
        ]
        if let actions = document.actions { paragraphs.append(actionsText(actions)) }
        var table = TextTable(["check", "wrong", "amount", "which"])
        for check in document.checks {
            table.add([
                check.check, String(check.count), check.count == 0 ? "" : check.amount, check.count == 0 ? "" : check.meaning,
            ])
        }
        paragraphs.append(table.text)
        for check in document.checks where check.count > 0 {
            let lines = check.examples.map { example in
                let expected = example.expected.isEmpty ? "" : ", expected \(example.expected)"
                return "  \(example.what): \(example.found)\(expected)"
            }
            let more = check.count > Int64(lines.count) ? ["  … \(check.count - Int64(lines.count)) more"] : []
            paragraphs.append((["\(check.check):"] + lines + more).joined(separator: "\n"))
        }
        if !document.notChecked.isEmpty {
            paragraphs.append("not checked, since it needs the whole ledger: \(document.notChecked.joined(separator: ", "))")
        }
        paragraphs.append(document.ok ? "zero differences" : "\(document.differences) DIFFERENCES")
        return paragraphs.joined(separator: "\n\n")
    }

    private func actionsText(_ actions: [Document.Action]) -> String {
        let done = actions.filter { $0.count > 0 }
        guard !done.isEmpty else { return document.dryRun ? "--fix would do nothing" : "--fix had nothing to do" }
        var lines = [document.dryRun ? "--fix would do:" : "--fix did (the rest of this report is of after it):"]
        for action in done {
            lines.append("  \(action.count) × \(action.meaning)")
            lines += action.examples.map { "    \($0)" }
            if action.count > Int64(action.examples.count) {
                lines.append("    … \(action.count - Int64(action.examples.count)) more")
            }
        }
        return lines.joined(separator: "\n")
    }
}
