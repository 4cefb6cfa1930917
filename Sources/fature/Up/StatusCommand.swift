import ArgumentParser
import Foundation

/// `fature status`: what runs here and how it is.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the processes, ports and state of the cluster.",
        discussion: "Exit status: 0 ready, 1 not ready, 3 nothing runs. Example: fature status --json")

    @Option(help: ArgumentHelp("The folder of the cluster.", valueName: "folder"))
    var dataDir = DataDirectory.defaultPath

    func run() throws {
        let directory = DataDirectory(dataDir)
        guard let holder = try DirectoryLock.holder(of: directory), let state = try ClusterState.read(directory) else {
            throw CommandError(.notRunning, "nothing runs in \(directory.path); start it with `fature up`")
        }
        Console.answer("up \(holder)")
        for process in state.processes { Console.answer("\(process.name) \(process.pid)") }
    }
}
