import ArgumentParser
import Core
import JobQueue
import Store
import Worker

/// What was done to a job, as `--json` shows it.
struct JobChange: Encodable {
    let queue: String
    let id: String
    /// `replayed`, `retried`, `added`, `cancelled`, or why nothing was done.
    let outcome: String
    let changed: Bool
    let dryRun: Bool
}

/// `fature job retry`.
struct JobRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Have a job tried now, as if it had never failed: a delayed one, a dead one, or one that Redis has lost.",
        discussion: """
            Example: fature job retry 4711

            Exit status: 0 done, or the job waits or is in hand already, 1 no such job or its transaction is processed, \
            3 no cluster named, 64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @Flag(help: "Show what would be done, and change nothing.")
    var dryRun = false

    @OptionGroup var job: JobOptions

    func run() throws {
        try explained {
            let whereabouts = try JobWhereabouts(job, purpose: "job retry")
            let name = whereabouts.queue.kind.name
            switch whereabouts.found?.job.place {
            case .waiting: return try tell(name, "waiting", false, "job \(job.id) waits already")
            case .inHand(let consumer, _):
                return try tell(name, "in_hand", false, "job \(job.id) is in hand at \(consumer) already")
            case .delayed, .dead, nil: break
            }
            switch whereabouts.transaction?.state {
            case .processed, .reversed:
                throw CommandError(.negative, "transaction \(job.id) is \(whereabouts.transaction?.state.rawValue ?? "") already")
            case .accepted, .dead, nil: break
            }
            if let letter = whereabouts.openLetter {
                if !dryRun {
                    try DeadLetterReplay(whereabouts.queue, on: whereabouts.database).replay(
                        DeadLetterSelection(queue: name, ids: [letter.id]), limit: 1, reason: "fature job retry")
                }
                return try tell(name, "replayed", true, "job \(job.id) is on its way again: dead letter \(letter.id) is replayed")
            }
            guard let fresh = try freshJob(whereabouts) else {
                throw CommandError(.negative, "job \(job.id) is neither in the queue \(name) nor an open dead letter")
            }
            if !dryRun {
                // Before it leaves the delayed ones: twice is harmless, gone is not.
                guard try whereabouts.queue.add([fresh]) == [.added] else {
                    throw CommandError(.processFailed, "Redis took no job: it is full; make room, or wait for the sweeper")
                }
                if let shard = whereabouts.found?.shard { _ = try whereabouts.queue.cancel(fresh.id, in: shard) }
                try JobAudit.record("retried", queue: name, jobID: job.id, origin: .commandLine, on: whereabouts.database)
            }
            try tell(name, "retried", true, "job \(job.id) is on its way again")
        }
    }

    /// The job as when it was first added.
    private func freshJob(_ whereabouts: JobWhereabouts) throws -> NewJob? {
        if let found = whereabouts.found, let job = found.job.job {
            return try NewJob(
                whereabouts.id, shard: found.shard, payload: Array(job.payload),
                enqueuedAtMilliseconds: job.enqueuedAtMilliseconds)
        }
        guard whereabouts.queue.kind == .commission, let number = Int64(job.id) else { return nil }
        return try TransactionBacklog.orders(of: [number], on: whereabouts.database).first.map { try CommissionJob.job(for: $0) }
    }

    private func tell(_ queue: String, _ outcome: String, _ changed: Bool, _ line: String) throws {
        if job.json {
            try JSONAnswer.print(JobChange(queue: queue, id: job.id, outcome: outcome, changed: changed, dryRun: dryRun))
        } else {
            Console.answer(dryRun && changed ? "dry run: \(line)" : line)
        }
    }
}
