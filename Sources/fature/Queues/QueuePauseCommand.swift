import ArgumentParser
import Core
import JobQueue
import Store

/// `fature queue pause`.
struct QueuePauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Have a queue's jobs wait, all of them or those of one shard. What is in hand is finished.",
        discussion: """
            The pause is kept in PostgreSQL and holds until `fature queue resume`, whatever becomes of Redis or the workers. Transactions are
            accepted meanwhile.

            Example: fature queue pause --reason 'wrong plan, see ticket 12'
            Example: fature queue pause --shard 7 --reason 'poison job'

            Exit status: 0 paused, or it was, 3 no cluster named, 64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Only this shard.", valueName: "n"))
    var shard: Int?

    @Option(help: ArgumentHelp("Why; everybody sees it who looks at the queue.", valueName: "text"))
    var reason: String

    @OptionGroup var change: QueueChangeOptions

    func validate() throws {
        _ = try QueueOptions.shard(shard)
        guard !reason.isEmpty else { throw ValidationError("--reason is empty: say why") }
    }

    func run() throws {
        let only = try QueueOptions.shard(shard)
        try explained {
            let database = try change.options.database("queue pause")
            let kind = try change.options.kind
            var isNew = try !QueuePauses.all(on: database).contains { $0.queue == kind.name && $0.shard == only }
            if !change.dryRun {
                isNew = try QueuePauses.pause(kind.name, shard: only, reason: reason, origin: .commandLine, on: database)
                change.inRedis { queue in try queue.pause(only.map { [$0] } ?? QueueOptions.everyShard, reason: reason) }
            }
            let name = QueueChangeOptions.name(kind, only)
            try change.tell(
                QueueChange(queue: kind.name, shard: shard, action: "pause", changed: isNew, dryRun: change.dryRun),
                isNew ? (change.dryRun ? "would pause \(name)" : "\(name) is paused") : "\(name) is paused already")
        }
    }
}

/// `fature queue resume`.
struct QueueResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "End the pause of a queue, or of one shard of it.",
        discussion: """
            Ending that of the whole queue leaves the pauses of single shards.

            Example: fature queue resume
            Example: fature queue resume --shard 7

            Exit status: 0 resumed, 1 it was not paused so, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Only this shard.", valueName: "n"))
    var shard: Int?

    @OptionGroup var change: QueueChangeOptions

    func validate() throws { _ = try QueueOptions.shard(shard) }

    func run() throws {
        let only = try QueueOptions.shard(shard)
        try explained {
            let database = try change.options.database("queue resume")
            let kind = try change.options.kind
            let name = QueueChangeOptions.name(kind, only)
            let pauses = try QueuePauses.all(on: database).filter { $0.queue == kind.name }
            guard pauses.contains(where: { $0.shard == only }) else {
                let others =
                    pauses.isEmpty
                    ? "" : "; paused are \(pauses.map { $0.shard.map { "shard \($0)" } ?? "all shards" }.joined(separator: ", "))"
                throw CommandError(.negative, "\(name) is not paused\(others)")
            }
            if !change.dryRun {
                _ = try QueuePauses.resume(kind.name, shard: only, origin: .commandLine, on: database)
                let left = try QueuePauses.paused(kind.name, on: database)
                change.inRedis { queue in
                    try queue.resume((only.map { [$0] } ?? QueueOptions.everyShard).filter { !left.contains($0) })
                }
            }
            try change.tell(
                QueueChange(queue: kind.name, shard: shard, action: "resume", changed: true, dryRun: change.dryRun),
                change.dryRun ? "would resume \(name)" : "\(name) goes on")
        }
    }
}

/// What the commands that change a queue share.
struct QueueChangeOptions: ParsableArguments {
    @Flag(help: "Show what would be done, and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: QueueOptions

    static func name(_ kind: JobKind, _ shard: ShardID?) -> String {
        shard.map { "shard \($0) of the queue \(kind.name)" } ?? "the queue \(kind.name)"
    }

    /// Says in Redis at once what PostgreSQL has. Where that cannot be done it is a warning: the workers carry it over.
    func inRedis(_ body: (JobQueue) throws -> Void) {
        do { try body(options.queue()) } catch {
            Console.progress(
                "warning: \(CommandError.explaining(error).message); PostgreSQL knows, and workers hear of it within a second of reaching both"
            )
        }
    }

    func tell(_ change: some Encodable, _ line: String) throws {
        if json { try JSONAnswer.print(change) } else { Console.answer(line) }
    }
}

/// What was done to a queue, as `--json` shows it.
struct QueueChange: Encodable {
    let queue: String
    let shard: Int?
    let action: String
    let changed: Bool
    let dryRun: Bool
}
