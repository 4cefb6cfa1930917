import ArgumentParser
import Core
import Foundation
import JobQueue
import PostgresClient
import RedisClient
import Store

/// Which letters `dlq replay` and `dlq discard` are about.
struct DeadLetterSelectionOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("These letters; without any, all that fit.", valueName: "dead letter"))
    var ids: [Int64] = []

    @Option(help: ArgumentHelp("Only those with this cause.", valueName: "word"))
    var cause: String?

    @Option(help: ArgumentHelp("So many at most, the oldest first.", valueName: "n"))
    var limit = 1000

    @Flag(help: "Show what would be done, and change nothing.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: QueueOptions

    private static let limitMax = 10_000_000

    func validate() throws {
        guard (1...Self.limitMax).contains(limit) else { throw ValidationError("--limit \(limit): give 1 to \(Self.limitMax)") }
        guard ids.count <= DeadLetters.decidedMax else {
            throw ValidationError("give at most \(DeadLetters.decidedMax) dead letters by number")
        }
    }

    var selection: DeadLetterSelection {
        get throws { DeadLetterSelection(queue: try options.kind.name, cause: cause, ids: ids.isEmpty ? nil : ids) }
    }

    /// Of those that are there now: a job that dies again meanwhile gets a letter anew, which is not decided about.
    func selection(on database: PostgresConnection) throws -> DeadLetterSelection {
        var selection = try selection
        selection.newest = try DeadLetters.newest(on: database)
        return selection
    }

    /// How many a decision would be about.
    func countOpen(on database: PostgresConnection) throws -> Int {
        Int(min(try DeadLetters.countOpen(selection, on: database), Int64(limit)))
    }

    func tell(_ action: String, _ count: Int, _ line: String) throws {
        if json {
            try JSONAnswer.print(DeadLetterChange(queue: options.kind.name, action: action, count: count, dryRun: dryRun))
        } else {
            Console.answer("\(dryRun ? "dry run: " : "")\(line)")
        }
        if count == 0 { throw ExitCode(ExitStatus.negative.rawValue) }
    }
}

/// What was decided about dead letters, as `--json` shows it.
struct DeadLetterChange: Encodable {
    let queue: String
    let action: String
    let count: Int
    let dryRun: Bool
}

/// `fature dlq replay`.
struct DeadLetterReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Have dead letters' jobs tried again, as if they had never failed, at a bounded rate.",
        discussion: """
            Example: fature dlq replay 12 13
            Example: fature dlq replay --cause no_plan --limit 50000 --rate 500

            Exit status: 0 replayed, 1 there was none that fits, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """)

    @Option(help: ArgumentHelp("So many a second at most.", valueName: "n"))
    var rate = 500

    @Option(help: ArgumentHelp("Why; kept with the letters.", valueName: "text"))
    var reason: String?

    @OptionGroup var letters: DeadLetterSelectionOptions

    private static let rateMax = 100_000
    /// So many parts of a second's rate go one after another.
    private static let partsPerSecond = 10

    func validate() throws {
        guard (1...Self.rateMax).contains(rate) else { throw ValidationError("--rate \(rate): give 1 to \(Self.rateMax)") }
    }

    func run() throws {
        try explained {
            let database = try letters.options.database("dlq replay")
            guard !letters.dryRun else {
                let count = try letters.countOpen(on: database)
                return try letters.tell("replay", count, "\(count) dead letters would be replayed")
            }
            let replay = DeadLetterReplay(try letters.options.queue(), on: database)
            let selection = try letters.selection(on: database)
            var count = 0
            var progress = ProgressLine()
            var next = ContinuousClock.now
            let part = min(max(1, rate / Self.partsPerSecond), DeadLetters.decidedMax)
            while count < letters.limit {
                Thread.sleep(until: next)
                let done = try replay.replay(selection, limit: min(part, letters.limit - count), reason: reason)
                guard !done.isEmpty else { break }
                count += done.count
                next = max(next, .now - .seconds(1)) + .nanoseconds(Int64(done.count) * 1_000_000_000 / Int64(rate))
                progress.tell("replay: \(count) so far")
            }
            try letters.tell("replay", count, "\(count) dead letters are replayed")
        }
    }
}

extension Thread {
    fileprivate static func sleep(until instant: ContinuousClock.Instant) {
        let left = ContinuousClock.now.duration(to: instant).milliseconds
        if left > 0 { sleep(forTimeInterval: TimeInterval(left) / 1000) }
    }
}

/// `fature dlq discard`.
struct DeadLetterDiscardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Give dead letters up: their jobs are never done, and a transaction's commissions never paid.",
        discussion: """
            Example: fature dlq discard 12 --reason 'test deposit, refunded'

            Exit status: 0 discarded, 1 there was none that fits, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Why; kept with the letters.", valueName: "text"))
    var reason: String

    @OptionGroup var letters: DeadLetterSelectionOptions

    func validate() throws {
        guard !reason.isEmpty else { throw ValidationError("--reason is empty: say why") }
        guard !letters.ids.isEmpty || letters.cause != nil else {
            throw ValidationError("name the dead letters, or a --cause: nobody gives up everything there is")
        }
    }

    func run() throws {
        try explained {
            let database = try letters.options.database("dlq discard")
            guard !letters.dryRun else {
                let count = try letters.countOpen(on: database)
                return try letters.tell("discard", count, "\(count) dead letters would be given up")
            }
            let replay = DeadLetterReplay(try letters.options.queue(), on: database)
            let selection = try letters.selection(on: database)
            var count = 0
            while count < letters.limit {
                let done = try DeadLetters.discard(
                    selection, limit: min(DeadLetters.decidedMax, letters.limit - count), reason: reason,
                    origin: .commandLine,
                    on: database)
                guard !done.isEmpty else { break }
                count += done.count
                try replay.forget(done)
            }
            try letters.tell("discard", count, "\(count) dead letters are given up")
        }
    }
}
