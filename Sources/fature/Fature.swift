import ArgumentParser
import Foundation

@main
struct Fature: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fature",
        abstract: "A sharded cluster that holds a referral hierarchy in memory and answers over HTTP/2.",
        discussion: "On one machine, start with: fature up --demo",
        subcommands: [
            UpCommand.self,
            DownCommand.self,
            StatusCommand.self,
            CoordinatorCommand.self,
            WorkerCommand.self,
            GatewayCommand.self,
            ClusterCommand.self,
            DatabaseCommand.self,
            GenerateCommand.self,
            ImportCommand.self,
            MigrateCommand.self,
            ValidateCommand.self,
            ReconcileCommand.self,
            RevShareCommand.self,
            PlanCommand.self,
            RebalanceCommand.self,
            ShardCommand.self,
            QueueCommand.self,
            JobCommand.self,
            DeadLetterCommand.self,
            LoadTestCommand.self,
        ])

    /// Runs the chosen command. A `CommandError` becomes one line on standard error and its own exit status.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as CommandError {
            if !error.message.isEmpty { Console.progress("fature: \(error.message)") }
            Foundation.exit(error.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
