import ArgumentParser
import Store

/// `fature db status`.
struct SchemaStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show every migration of this program and of the database.",
        discussion: """
            Example: fature db status --json

            Exit status: 0 up to date, 1 migrations are missing, changed or unknown, 69 no server, 77 wrong password.
            """)

    @OptionGroup var location: ClusterLocation

    @Flag(help: "Print JSON.")
    var json = false

    /// One migration as `--json` shows it.
    private struct Row: Encodable {
        let version: Int
        let name: String
        let state: String
        let appliedAt: String?
        let durationMilliseconds: Int64?
    }

    func run() throws {
        let connection = try location.connect("db status")
        let statuses: [MigrationStatus]
        do { statuses = try Schema.status(connection) } catch { throw CommandError.explaining(error) }
        let rows = statuses.map(row)
        if json {
            try JSONAnswer.print(rows)
        } else {
            var table = TextTable(["version", "name", "state", "applied at", "ms"])
            for row in rows {
                table.add([
                    String(row.version), row.name, row.state, row.appliedAt ?? "",
                    row.durationMilliseconds.map(String.init) ?? "",
                ])
            }
            Console.answer(table.text)
        }
        if !statuses.allSatisfy(\.isApplied) { throw ExitCode(ExitStatus.negative.rawValue) }
    }

    private func row(_ status: MigrationStatus) -> Row {
        switch status.state {
        case .applied(let at, let duration):
            Row(version: status.version, name: status.name, state: "applied", appliedAt: at, durationMilliseconds: duration)
        case .pending:
            Row(version: status.version, name: status.name, state: "pending", appliedAt: nil, durationMilliseconds: nil)
        case .changed:
            Row(version: status.version, name: status.name, state: "changed", appliedAt: nil, durationMilliseconds: nil)
        case .unknown:
            Row(version: status.version, name: status.name, state: "unknown", appliedAt: nil, durationMilliseconds: nil)
        }
    }
}

extension MigrationStatus {
    /// Whether it is in the database as this program knows it.
    var isApplied: Bool {
        if case .applied = state { true } else { false }
    }
}
