import ArgumentParser
import Core
import JobQueue
import Store
import Worker

/// `fature job cancel`.
struct JobCancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Take a job out of its queue. It becomes a dead letter: a person replays or discards it.",
        discussion: """
            A transaction whose job is cancelled stays accepted and unpaid until then. A job that is in hand is left to its handler; where
            that takes long, pause the shard first.

            Example: fature job cancel 4711 --reason 'fraud case 88'

            Exit status: 0 cancelled, 1 no such job, it is in hand, or its transaction is processed, 3 no cluster named, \
            64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Why.", valueName: "text"))
    var reason: String

    @Flag(help: "Show what would be done, and change nothing.")
    var dryRun = false

    @OptionGroup var job: JobOptions

    private static let cause = "cancelled"

    func validate() throws {
        guard !reason.isEmpty else { throw ValidationError("--reason is empty: say why") }
    }

    func run() throws {
        try explained {
            let whereabouts = try JobWhereabouts(job, purpose: "job cancel")
            let name = whereabouts.queue.kind.name
            if case .inHand(let consumer, _) = whereabouts.found?.job.place {
                throw CommandError(.negative, "job \(job.id) is in hand at \(consumer); try again when that has finished")
            }
            if let letter = whereabouts.openLetter {
                throw CommandError(
                    .negative, "job \(job.id) is dead letter \(letter.id) already: fature dlq discard \(letter.id)")
            }
            guard let letter = try letter(whereabouts) else {
                let state =
                    whereabouts.transaction.map { "transaction \(job.id) is \($0.state.rawValue)" }
                    ?? "job \(job.id) does not wait"
                throw CommandError(.negative, "\(state): there is nothing to cancel")
            }
            if !dryRun {
                // First the letter, so that no sweeper gives the transaction another job.
                guard try DeadLetters.record([letter], on: whereabouts.database) > 0 else {
                    throw CommandError(.negative, "transaction \(job.id) was processed in this moment")
                }
                if let shard = whereabouts.found?.shard { _ = try whereabouts.queue.cancel(whereabouts.id, in: shard) }
                try JobAudit.record("cancelled", queue: name, jobID: job.id, origin: .commandLine, on: whereabouts.database)
            }
            if job.json {
                try JSONAnswer.print(JobChange(queue: name, id: job.id, outcome: "cancelled", changed: true, dryRun: dryRun))
            } else {
                Console.answer("\(dryRun ? "dry run: " : "")job \(job.id) is cancelled and a dead letter now")
            }
        }
    }

    private func letter(_ whereabouts: JobWhereabouts) throws -> DeadLetterRow? {
        let error = "cancelled by \(ChangeOrigin.commandLine.actor): \(reason)"
        if let found = whereabouts.found, let job = found.job.job {
            return DeadLetterRow(
                queue: whereabouts.queue.kind.name, jobID: job.id.text, shard: found.shard, payload: Array(job.payload),
                cause: Self.cause, error: error, failures: job.failures, crashes: job.crashes,
                enqueuedAtMicroseconds: job.enqueuedAtMilliseconds * 1000)
        }
        guard whereabouts.queue.kind == .commission, let number = Int64(job.id),
            let order = try TransactionBacklog.orders(of: [number], on: whereabouts.database).first
        else { return nil }
        let fresh = try CommissionJob.job(for: order)
        return DeadLetterRow(
            queue: whereabouts.queue.kind.name, jobID: job.id, shard: order.shard, payload: fresh.payload, cause: Self.cause,
            error: error, failures: 0, crashes: 0, enqueuedAtMicroseconds: order.acceptedAtMicroseconds)
    }
}
