import ArgumentParser
import Foundation

/// `fature up`: the whole cluster on this machine.
struct UpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run the whole cluster on this machine until Ctrl-C.",
        discussion: """
            Starts a private PostgreSQL and Redis in the data directory (or uses DATABASE_URL and REDIS_URL), brings the schema \
            up to date, then runs one coordinator, the workers and one gateway.

            Example: fature up --demo --port 8080

            Exit status: 0 stopped as asked, 64 bad flag, 69 a server does not answer, 70 a process failed, 71 port in use, \
            72 PostgreSQL or Redis not installed, 73 folder not writable or not the cluster's, 75 already running in this folder, 76 schema of \
            another version, 77 wrong password or permission, 78 bad connection string or damaged cluster.json, 130 interrupted before it was ready.
            """)

    @OptionGroup var options: UpOptions

    func run() throws {
        if options.detach && !DetachedStart.isInside(ProcessInfo.processInfo.environment) {
            try DetachedStart.run()
        } else {
            try UpSession(options).run()
        }
    }
}
