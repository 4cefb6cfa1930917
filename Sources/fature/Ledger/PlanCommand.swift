import ArgumentParser
import Commission
import Core
import PlanFiles
import Store
import Telemetry

/// `fature plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show the versions of the commission plan, check a plan file, apply it as the next version.",
        discussion: """
            Samples are in cluster/plans.

            Example: fature plan validate summer.yaml && fature plan apply summer.yaml

            Exit status: 0 done, 1 no such version, 3 no cluster named, 64 bad flag, 66 the file is no plan or cannot be applied, \
            69 no PostgreSQL, 76 schema of another version, 77 wrong password.
            """,
        subcommands: [PlanListCommand.self, PlanShowCommand.self, PlanValidateCommand.self, PlanApplyCommand.self])
}

/// `fature plan list`.
struct PlanListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show every version, and from when to when each holds.",
        discussion: """
            Example: fature plan list --json

            Exit status: 0 shown, 3 no cluster named, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Flag(help: "Print JSON, with each plan's definition.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func run() throws {
        try explained {
            let plans = try PlanStore.list(location.connectToCurrentSchema("plan list"))
            let documents = try plans.indices.map { index in
                try PlanText.Document(plans[index], until: index + 1 < plans.count ? plans[index + 1].plan.effectiveFrom : nil)
            }
            if json { return try JSONAnswer.print(documents) }
            var table = TextTable(["version", "name", "holds from", "until", "rules", "applied at", "by"])
            for (document, stored) in zip(documents, plans) {
                table.add([
                    String(document.version), document.name, document.holdsFrom, document.holdsUntil ?? "",
                    PlanText.rules(stored.plan), document.appliedAt, document.appliedBy,
                ])
            }
            Console.answer(table.text)
        }
    }
}

/// `fature plan show`.
struct PlanShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one version as a plan file: the one that holds now, unless another is named.",
        discussion: """
            To apply it again, changed, take its version and effective_from out.

            Example: fature plan show 2 > plan.yaml
            Example: fature plan show --at 2026-01-31T12:00:00Z

            Exit status: 0 shown, 1 no such version, 3 no cluster named, 64 bad flag, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Argument(help: ArgumentHelp("The version.", valueName: "version"))
    var version: Int?

    @Option(help: ArgumentHelp("The one that holds at this moment.", valueName: "moment"))
    var at: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func validate() throws {
        guard version == nil || at == nil else { throw ValidationError("give a version or --at, not both") }
        if let at, Timestamp.parse(at.utf8) == nil {
            throw ValidationError("--at \(at): give a moment as in 2026-01-31 or 2026-01-31T12:00:00Z")
        }
    }

    func run() throws {
        try explained {
            let plans = try PlanStore.list(location.connectToCurrentSchema("plan show"))
            let moment = at.flatMap { Timestamp.parse($0.utf8) } ?? wallClockMicroseconds()
            let index =
                version.map { wanted in plans.firstIndex { $0.plan.version == wanted } }
                ?? plans.lastIndex { $0.plan.effectiveFrom <= moment }
            guard let index else {
                throw CommandError(
                    .negative, version.map { "there is no version \($0) of the plan" } ?? "no plan holds at that moment")
            }
            let until = index + 1 < plans.count ? plans[index + 1].plan.effectiveFrom : nil
            if json { return try JSONAnswer.print(try PlanText.Document(plans[index], until: until)) }
            Console.answer(PlanFile.text(of: plans[index].plan).trimmingSuffix { $0 == "\n" })
        }
    }
}

/// `fature plan validate`.
struct PlanValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check a plan file, without a cluster.",
        discussion: """
            Example: fature plan validate summer.yaml

            Exit status: 0 the file is a plan, 66 it is none, with file, line and field.
            """)

    @Argument(help: ArgumentHelp("The plan, in YAML.", valueName: "file"))
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    struct Document: Encodable {
        let ok: Bool
        let field: String?
        let line: Int?
        let message: String?
    }

    func run() throws {
        do {
            // A version and a date that the file leaves out come with `apply`.
            let plan = try PlanFile.read(path: file, issue: CommissionPlan.Issue(version: 1, effectiveFrom: 0))
            if json { return try JSONAnswer.print(Document(ok: true, field: nil, line: nil, message: nil)) }
            Console.answer("\(file): a plan, \(PlanText.rules(plan))")
        } catch {
            guard let error = error as? PlanFileError else { throw error }
            if json {
                try JSONAnswer.print(
                    Document(
                        ok: false, field: error.fault?.field, line: error.fault?.line,
                        message: error.fault?.message ?? error.description))
            }
            throw CommandError.explaining(error)
        }
    }
}

/// `fature plan apply`.
struct PlanApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make a plan file the next version of the plan.",
        discussion: """
            It holds from its effective_from on, or ten seconds from now if the file names none. An earlier date is refused: what has been
            accepted is paid by the plan of its date. Workers take the version up with the next payment.

            Example: fature plan apply summer.yaml --dry-run
            Example: fature plan apply summer.yaml

            Exit status: 0 applied, 3 no cluster named, 66 the file is no plan or cannot be applied, 69 no PostgreSQL, \
            76 schema of another version, 77 wrong password.
            """)

    @Argument(help: ArgumentHelp("The plan, in YAML.", valueName: "file"))
    var file: String

    @Flag(help: "Check all of it, and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    struct Document: Encodable {
        let version: Int
        let name: String
        let holdsFrom: String
        let dryRun: Bool
        let definition: JSONDocument
    }

    func run() throws {
        try explained {
            // A file that is no plan needs no server to be refused; and no payment waits for a file that is slow to read.
            let text = try PlanFile.contents(path: file)
            _ = try PlanFile.parse(text, file: file, issue: CommissionPlan.Issue(version: 1, effectiveFrom: 0))
            let connection = try location.connectToCurrentSchema("plan apply")
            let plan = try PlanStore.apply(origin: .commandLine, isDryRun: dryRun, on: connection) { issue in
                try PlanFile.parse(text, file: file, issue: issue)
            }
            let from = MomentText.of(microseconds: plan.effectiveFrom)
            if json {
                return try JSONAnswer.print(
                    Document(
                        version: plan.version, name: plan.name, holdsFrom: from, dryRun: dryRun,
                        definition: try JSONDocument(plan.canonicalJSON)))
            }
            Console.answer(
                dryRun
                    ? "dry run: \(file) would be version \(plan.version), \(plan.name), from \(from)"
                    : "version \(plan.version), \(plan.name), holds from \(from)")
        }
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        String(String(reversed().drop(while: isTrimmed)).reversed())
    }
}
