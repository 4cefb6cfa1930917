import ArgumentParser

/// `fature db`: the schema of the cluster's database.
struct DatabaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db",
        abstract: "Bring the database's schema up, take it back, or show where it stands.",
        subcommands: [MigrateSchemaCommand.self, RollbackSchemaCommand.self, SchemaStatusCommand.self])
}
