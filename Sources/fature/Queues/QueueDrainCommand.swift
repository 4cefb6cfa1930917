import ArgumentParser
import Foundation
import JobQueue
import Store

/// `fature queue drain`.
struct QueueDrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Wait until a queue is empty: nothing waits, is in hand or delayed.",
        discussion: """
            For commissions also until no transaction waits in PostgreSQL. Nothing is stopped: what is accepted meanwhile is waited for
            too. Dead letters are not.

            Example: fature queue drain --timeout-seconds 600 && fature reconcile

            Exit status: 0 empty, 1 not within the time or paused, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Give up after so many seconds; 0: look once.", valueName: "n"))
    var timeoutSeconds = 300

    @Flag(help: "Print the last figures as JSON.")
    var json = false

    @OptionGroup var options: QueueOptions

    private static let timeoutSecondsMax = 604_800
    private static let intervalSeconds = 0.25
    /// What waits in PostgreSQL is counted so often and no more: that reads it all.
    private static let countSeconds = 5

    func validate() throws {
        guard (0...Self.timeoutSecondsMax).contains(timeoutSeconds) else {
            throw ValidationError("--timeout-seconds \(timeoutSeconds): give 0 to \(Self.timeoutSecondsMax)")
        }
    }

    func run() throws {
        try explained {
            let database = try options.database("queue drain")
            let queue = try options.queue()
            let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
            var progress = ProgressLine()
            var unprocessed: Int64?
            var countAt = ContinuousClock.now
            while true {
                let isOver = ContinuousClock.now >= deadline
                // Redis first: what is accepted in between is found in PostgreSQL.
                let stats = try queue.stats(QueueOptions.everyShard)
                if queue.kind == .commission {
                    if try TransactionBacklog.isEmpty(on: database) {
                        unprocessed = 0
                    } else if isOver || unprocessed ?? 0 == 0 || ContinuousClock.now >= countAt {
                        unprocessed = max(1, try TransactionBacklog(on: database).count)
                        countAt = .now + .seconds(Self.countSeconds)
                    }
                }
                let picture = try QueuePicture(queue, stats: stats, unprocessed: unprocessed, on: database)
                if picture.isEmpty {
                    if json { try JSONAnswer.print(picture) } else { Console.answer("the queue \(picture.queue) is empty") }
                    return
                }
                let left =
                    "\(picture.waiting) waiting, \(picture.inHand) in hand, \(picture.delayed) delayed"
                    + (picture.unprocessed.map { ", \($0) unprocessed in PostgreSQL" } ?? "")
                let isAtRest = picture.pauses.contains { $0.shard == nil } && picture.inHand == 0
                if isOver || isAtRest {
                    if json { try JSONAnswer.print(picture) }
                    throw CommandError(
                        .negative,
                        isAtRest
                            ? "the queue \(picture.queue) is paused and not empty: \(left); fature queue resume"
                            : "the queue \(picture.queue) is not empty after \(timeoutSeconds) s: \(left)")
                }
                progress.tell("drain: \(left)")
                Thread.sleep(forTimeInterval: Self.intervalSeconds)
            }
        }
    }
}
