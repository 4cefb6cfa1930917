import ArgumentParser
import PostgresClient
import Store

/// `fature db migrate`.
struct MigrateSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Apply the migrations that the database does not have yet.",
        discussion: """
            Each migration is applied whole or not at all; two at once take turns.

            Example: fature db migrate --data-dir .fature

            Exit status: 0 done or nothing to do, 69 no server, 76 schema newer than this program or changed, 77 wrong password.
            """)

    @OptionGroup var location: ClusterLocation

    @Option(help: ArgumentHelp("Stop at this version instead of the newest.", valueName: "version"))
    var to: Int?

    @Flag(help: "Print the versions applied as JSON.")
    var json = false

    func run() throws {
        let connection = try location.connect("db migrate")
        do {
            let applied = try Schema.migrate(connection, to: to)
            if json {
                try JSONAnswer.print(
                    SchemaChange(applied: applied, rolledBack: [], version: applied.last ?? currentVersion(connection)))
            } else {
                Console.answer(
                    applied.isEmpty
                        ? "schema: up to date" : "schema: applied \(applied.map(String.init).joined(separator: ", "))")
            }
        } catch {
            throw CommandError.explaining(error)
        }
    }

    private func currentVersion(_ connection: PostgresConnection) throws -> Int {
        try Schema.status(connection).last { $0.isApplied }?.version ?? 0
    }
}
