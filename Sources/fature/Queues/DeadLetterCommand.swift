import ArgumentParser
import Core
import Foundation
import JobQueue
import Store

/// `fature dlq`.
struct DeadLetterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "List dead letters, send them on their way again, or give them up.",
        discussion: """
            A dead letter is a job that has failed for good. All of them are in PostgreSQL; a transaction whose job is one waits, unpaid.

            Example: fature dlq ls --group-by cause
            Example: fature dlq replay --cause no_plan --rate 200

            Exit status: 0 done, 1 no such letter or none that fits, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """,
        subcommands: [
            DeadLetterListCommand.self, DeadLetterShowCommand.self, DeadLetterReplayCommand.self, DeadLetterDiscardCommand.self,
        ])
}

/// `fature dlq ls`.
struct DeadLetterListCommand: ParsableCommand {
    enum Grouping: String, ExpressibleByArgument, CaseIterable { case cause }

    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the open dead letters, oldest first, or how many there are of each cause.",
        discussion: """
            Example: fature dlq ls --group-by cause
            Example: fature dlq ls --cause crashed --limit 100 --json

            Exit status: 0 listed, 3 no cluster named, 64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Count them by this instead.", valueName: "cause"))
    var groupBy: Grouping?

    @Option(help: ArgumentHelp("Only those with this cause.", valueName: "word"))
    var cause: String?

    @Flag(help: "Also those that were replayed or discarded.")
    var all = false

    @Option(help: ArgumentHelp("So many at most.", valueName: "n"))
    var limit = 50

    @Option(help: ArgumentHelp("Go on behind this letter.", valueName: "dead letter"))
    var after: Int64 = 0

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: QueueOptions

    private static let limitMax = 10_000

    struct Group: Encodable {
        let queue: String
        let cause: String
        let count: Int64
        let oldest: String
        let newest: String
        let newestError: String
    }

    func validate() throws {
        guard (1...Self.limitMax).contains(limit) else { throw ValidationError("--limit \(limit): give 1 to \(Self.limitMax)") }
        guard groupBy == nil || !all else { throw ValidationError("--group-by counts open letters only: leave --all out") }
    }

    func run() throws {
        try explained {
            let database = try options.database("dlq ls")
            let selection = DeadLetterSelection(queue: try options.kind.name, cause: cause)
            if groupBy != nil { return try tell(DeadLetters.groups(selection, on: database)) }
            let letters = try DeadLetters.list(selection, state: all ? nil : .dead, after: after, limit: limit, on: database)
            let texts = letters.map { JobText.Letter($0) }
            if json { return try JSONAnswer.print(texts) }
            Console.answer(texts.isEmpty ? "no dead letters" : JobText.table(texts))
            if letters.count == limit, let last = letters.last { Console.answer("(perhaps more: --after \(last.id))") }
        }
    }

    private func tell(_ groups: [DeadLetterGroup]) throws {
        let documents = groups.map {
            Group(
                queue: $0.queue, cause: $0.cause, count: $0.count, oldest: MomentText.of(microseconds: $0.oldestMicroseconds),
                newest: MomentText.of(microseconds: $0.newestMicroseconds), newestError: $0.newestError)
        }
        if json { return try JSONAnswer.print(documents) }
        var table = TextTable(["queue", "cause", "letters", "oldest", "newest", "newest error"])
        for group in documents {
            table.add([group.queue, group.cause, String(group.count), group.oldest, group.newest, group.newestError])
        }
        Console.answer(documents.isEmpty ? "no dead letters" : table.text)
    }
}

/// `fature dlq show`.
struct DeadLetterShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show all of one dead letter.",
        discussion: """
            Example: fature dlq show 12

            Exit status: 0 shown, 1 no such letter, 3 no cluster named, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Argument(help: ArgumentHelp("Its number, from dlq ls.", valueName: "dead letter"))
    var id: Int64

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    func run() throws {
        try explained {
            let database = try location.connectToCurrentSchema("dlq show")
            guard let letter = try DeadLetters.list(DeadLetterSelection(ids: [id]), state: nil, limit: 1, on: database).first
            else {
                throw CommandError(.negative, "there is no dead letter \(id)")
            }
            let text = JobText.Letter(letter)
            if json { try JSONAnswer.print(text) } else { Console.answer(JobText.lines(text)) }
        }
    }
}
