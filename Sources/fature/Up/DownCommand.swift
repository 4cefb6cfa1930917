import ArgumentParser
import Foundation

/// `fature down`: ends the cluster of one folder and waits until all of it is gone.
struct DownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Stop the cluster that runs on this machine, and wait until all of it is gone.",
        discussion: """
            Does nothing if nothing runs.

            Example: fature down --data-dir .fature

            Exit status: 0 nothing runs any more, 64 bad flag, 70 something does not stop, 73 folder not readable, 77 started by \
            another user, 130 interrupted while it was still stopping.
            """)

    static let millisecondsMax = 120_000

    @Option(help: ArgumentHelp("The folder of the cluster.", valueName: "folder"))
    var dataDir = DataDirectory.defaultPath

    func run() throws {
        let directory = DataDirectory(dataDir)
        let events = try ProcessEvents()
        let deadline = MonotonicMilliseconds.now() + Self.millisecondsMax
        var asked = false
        while let holder = try DirectoryLock.holder(of: directory) {
            if !asked {
                Console.progress("stopping the cluster in \(directory.path) (pid \(holder))")
                guard kill(holder, SIGTERM) == 0 || errno == ESRCH else {
                    throw CommandError(
                        .accessDenied, "cannot stop pid \(holder): \(systemMessage(errno)); run as the user who started it")
                }
                asked = true
            }
            guard MonotonicMilliseconds.now() < deadline else {
                throw CommandError(
                    .processFailed, "pid \(holder) has not stopped after \(Self.millisecondsMax / 1000) s; see \(directory.logs)")
            }
            guard events.stopRequests == 0 else {
                throw CommandError(.interrupted, "stopped waiting; the cluster is still stopping")
            }
            events.wait(milliseconds: 20)
        }
        let cleared = try clearLeftovers(directory, events)
        Console.progress(asked || cleared ? "stopped" : "nothing runs in \(directory.path)")
    }

    /// Servers whose `fature up` was killed.
    private func clearLeftovers(_ directory: DataDirectory, _ events: ProcessEvents) throws(CommandError) -> Bool {
        let pids = [
            ("postgresql", Leftover.server(pidFile: "\(directory.postgres)/postmaster.pid", folder: directory.postgres), SIGINT),
            ("redis", Leftover.server(pidFile: "\(directory.redis)/redis.pid", folder: directory.redis), SIGTERM),
        ]
        var found = false
        for case (let name, let pid?, let signal) in pids {
            found = true
            Console.progress("\(name): stopping the server that was left running (pid \(pid))")
            kill(pid, signal)
            try Leftover.waitForEnd(of: pid, name: name, millisecondsMax: Self.millisecondsMax, events: events)
        }
        return found
    }
}
