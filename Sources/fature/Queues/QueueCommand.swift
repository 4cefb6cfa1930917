import ArgumentParser

/// `fature queue`.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at the job queues, pause and resume them, wait until they are empty.",
        discussion: """
            PostgreSQL knows what is paused and what is dead, Redis what waits.

            Example: fature queue ls

            Exit status: 0 done, 1 not drained in time, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version, 77 wrong password.
            """,
        subcommands: [
            QueueListCommand.self, QueueInspectCommand.self, QueuePauseCommand.self, QueueResumeCommand.self,
            QueueDrainCommand.self,
        ])
}
