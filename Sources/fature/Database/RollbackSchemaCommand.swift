import ArgumentParser
import Store

/// `fature db rollback`.
struct RollbackSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Take the newest migrations back. What they created is gone, with the data in it.",
        discussion: """
            Stop the cluster's workers first.

            Example: fature db rollback --steps 1

            Exit status: 0 done or nothing to do, 69 no server, 76 schema newer than this program or changed, 77 wrong password.
            """)

    @OptionGroup var location: ClusterLocation

    @Option(help: ArgumentHelp("How many migrations to take back (default: 1).", valueName: "n"))
    var steps: Int?

    @Option(help: ArgumentHelp("Take back everything newer than this version; 0 takes all.", valueName: "version"))
    var to: Int?

    @Flag(help: "Print the versions taken back as JSON.")
    var json = false

    func validate() throws {
        guard steps == nil || to == nil else { throw ValidationError("give --steps or --to, not both") }
        if let steps, steps < 1 { throw ValidationError("--steps \(steps): give at least 1") }
    }

    func run() throws {
        let connection = try location.connect("db rollback")
        do {
            let taken = try to.map { try Schema.rollback(connection, to: $0) } ?? Schema.rollback(connection, steps: steps ?? 1)
            if json {
                let version = try Schema.status(connection).last { $0.isApplied }?.version ?? 0
                try JSONAnswer.print(SchemaChange(applied: [], rolledBack: taken, version: version))
            } else {
                Console.answer(
                    taken.isEmpty
                        ? "schema: nothing to take back" : "schema: took back \(taken.map(String.init).joined(separator: ", "))")
            }
        } catch {
            throw CommandError.explaining(error)
        }
    }
}
