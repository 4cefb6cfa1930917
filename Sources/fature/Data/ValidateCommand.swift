import ArgumentParser
import Foundation
import Store

/// `fature validate`.
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check the whole hierarchy: sponsors, levels, paths, counters, index, shards, and V1 if wanted.",
        discussion: """
            Levels, paths, pairs and counters are computed anew from the sponsors alone and compared with what is stored. With --v1,
            right after a migration, ids, sponsors, states, external ids and the ten widest have to be those of V1's table
            public.affiliates as well; once the programme lives in V2 the two differ by every change. Changes nothing, and may run while
            the cluster serves.

            Example: fature validate --report validation.txt
            Example: fature validate --v1
            Example: fature validate --json --v1-url postgresql://v1@10.0.0.9/programme

            Exit status: 0 everything holds, 1 something does not, 66 V1 cannot be used, 69 no server, 73 the report cannot be written.
            """)

    @Flag(
        name: .customLong("v1"),
        help: "Compare with V1: V1_DATABASE_URL if set, else public.affiliates of the cluster's database.")
    var comparesV1 = false

    @Option(
        help: ArgumentHelp(
            "Compare with V1 in this database. Prefer the environment's V1_DATABASE_URL for passwords.", valueName: "url"))
    var v1Url: String?

    @Option(
        help: ArgumentHelp(
            "Write the report to this file as well: JSON if its name ends in .json, else a table.", valueName: "file"))
    var report: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func run() throws {
        let connection = try location.connect("validate")
        var progress = ProgressLine()
        let found: HierarchyReport
        do {
            let v1 = comparesV1 || v1Url != nil ? try V1Location.connection(v1Url) ?? location.connect("validate V1") : nil
            found = try HierarchyValidator(connection, v1: v1).validate { check in
                progress.tell("validate: \(check.rawValue)")
            }
        } catch { throw CommandError.explaining(error) }
        let text = ValidationReportText(found)
        if let report {
            try OutputFile.write(report.hasSuffix(".json") ? try JSONAnswer.text(text.document) : text.table, to: report)
        }
        if json { try JSONAnswer.print(text.document) } else { Console.answer(text.table) }
        if !found.isClean { throw ExitCode(ExitStatus.negative.rawValue) }
    }
}

/// A validation as a table and as JSON.
struct ValidationReportText {
    struct Document: Encodable {
        struct Check: Encodable {
            let check: String
            let count: Int64
            let meaning: String
            let examples: [String]
        }

        let ok: Bool
        let affiliates: Int64
        let roots: Int64
        let links: Int64
        let indexRows: Int64
        let v1Affiliates: Int64?
        let v1Links: Int64?
        let checks: [Check]
    }

    let document: Document

    init(_ report: HierarchyReport) {
        document = Document(
            ok: report.isClean, affiliates: report.affiliates, roots: report.roots, links: report.links,
            indexRows: report.indexRows,
            v1Affiliates: report.v1Affiliates, v1Links: report.v1Links,
            checks: report.findings.map {
                .init(check: $0.check.rawValue, count: $0.count, meaning: $0.check.meaning, examples: $0.examples)
            })
    }

    var table: String {
        var table = TextTable(["check", "wrong", "which"])
        for check in document.checks {
            let which = check.count == 0 ? "" : "\(check.examples.joined(separator: " ")): \(check.meaning)"
            table.add([check.check, String(check.count), which])
        }
        let v1 = document.v1Affiliates.map { "\nV1: \($0) affiliates, \(document.v1Links ?? 0) links" } ?? "\nV1: not compared"
        let counts =
            "\(document.affiliates) affiliates, \(document.roots) roots, \(document.links) links, \(document.indexRows) pairs in the index"
        return "\(counts)\(v1)\n\n\(table.text)\n\n\(document.ok ? "everything holds" : "NOT everything holds")"
    }
}
