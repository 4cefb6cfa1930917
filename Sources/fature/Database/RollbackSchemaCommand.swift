import ArgumentParser
import Foundation
import PostgresClient
import Store

/// `fature db rollback`.
struct RollbackSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Take the newest migrations back. What they created is gone, with the data in it.",
        discussion: """
            Refused while workers serve. Where there are affiliates it asks first: answer yes on a terminal, or give --yes.

            Example: fature db rollback --steps 1
            Example: fature db rollback --to 0 --yes

            Exit status: 0 done or nothing to do, 64 it would drop data and nobody said yes, 69 no server, 75 workers are serving, 76 schema newer than this program or changed, 77 wrong password.
            """)

    @OptionGroup var location: ClusterLocation

    @Option(help: ArgumentHelp("How many migrations to take back (default: 1).", valueName: "n"))
    var steps: Int?

    @Option(help: ArgumentHelp("Take back everything newer than this version; 0 takes all.", valueName: "version"))
    var to: Int?

    @Flag(help: "Do it even if data is dropped, without a question.")
    var yes = false

    @Flag(help: "Print the versions taken back as JSON.")
    var json = false

    func validate() throws {
        guard steps == nil || to == nil else { throw ValidationError("give --steps or --to, not both") }
        if let steps, steps < 1 { throw ValidationError("--steps \(steps): give at least 1") }
    }

    private func rollBack(_ connection: PostgresConnection, mayDropData: Bool) throws -> [Int] {
        if let to { return try Schema.rollback(connection, to: to, mayDropData: mayDropData) }
        return try Schema.rollback(connection, steps: steps ?? 1, mayDropData: mayDropData)
    }

    func run() throws {
        let connection = try location.connect("db rollback")
        do {
            let taken: [Int]
            do {
                taken = try rollBack(connection, mayDropData: yes)
            } catch let error as SchemaError where error.code == .holdsData && isatty(STDIN_FILENO) == 1 {
                Console.progress("\(error.message). What it created is gone then. Type yes to go on:")
                guard readLine() == "yes" else { throw error }
                taken = try rollBack(connection, mayDropData: true)
            }
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
