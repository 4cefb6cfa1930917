import ArgumentParser

/// `fature job`.
struct JobCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Show one job, try it again now, or take it out of its queue.",
        discussion: """
            A commission job has the number of its transaction.

            Example: fature job show 4711

            Exit status: 0 done, 1 no such job or nothing to do, 3 no cluster named, 64 bad flag or no such queue, 69 no server, \
            76 schema of another version.
            """,
        subcommands: [JobShowCommand.self, JobRetryCommand.self, JobCancelCommand.self])
}

/// What a job command needs to know of its job.
struct JobOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The job: for commissions the transaction's number.", valueName: "id"))
    var id: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: QueueOptions
}

/// `fature job show`.
struct JobShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show where a job is, how often it failed and why, and what became of its transaction.",
        discussion: """
            Example: fature job show 4711 --json

            Exit status: 0 shown, 1 no such job, 3 no cluster named, 64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @OptionGroup var job: JobOptions

    struct Document: Encodable {
        let queue: String
        let id: String
        /// Of the job's transaction: accepted, processed, reversed, dead.
        let transaction: String?
        let job: JobText.Document?
        let deadLetters: [JobText.Letter]
    }

    func run() throws {
        try explained {
            let whereabouts = try JobWhereabouts(job, purpose: "job show")
            let document = Document(
                queue: whereabouts.queue.kind.name, id: job.id, transaction: whereabouts.transaction?.state.rawValue,
                job: whereabouts.document, deadLetters: whereabouts.letters.map { JobText.Letter($0) })
            if job.json { return try JSONAnswer.print(document) }
            if let state = document.transaction { Console.answer("transaction \(job.id) is \(state)") }
            Console.answer(document.job.map { JobText.table([$0]) } ?? "the queue \(document.queue) has no such job")
            if let error = document.job?.lastError { Console.answer("last error: \(error)") }
            for letter in document.deadLetters { Console.answer("\n\(JobText.lines(letter))") }
        }
    }
}
