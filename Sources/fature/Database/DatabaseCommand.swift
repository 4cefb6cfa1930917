import ArgumentParser

/// `fature db`: the schema of the cluster's database.
struct DatabaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db",
        abstract: "Bring the database's schema up, take it back, or show where it stands.",
        discussion: """
            Example: fature db status --data-dir .fature

            Exit status: 0 done, 1 not up to date (status), 64 bad flag, 69 no server, 76 schema newer than this program or changed, \
            77 wrong password.
            """,
        subcommands: [MigrateSchemaCommand.self, RollbackSchemaCommand.self, SchemaStatusCommand.self])
}
