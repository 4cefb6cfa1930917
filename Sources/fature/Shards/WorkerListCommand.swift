import Administration
import ArgumentParser

/// `fature worker ls`.
struct WorkerListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Show every worker: where it listens, what it has, and what it may be given.",
        discussion: """
            Example: fature worker ls --json

            Exit status: 0 shown, 3 no cluster named, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try explained {
            let document = try administration.port("worker ls").workers()
            if json { return try JSONAnswer.print(document) }
            var table = TextTable([
                "worker", "instance", "address", "standing", "lease ms", "capacity", "shards", "affiliates", "standbys", "reason",
            ])
            for entry in document.workers {
                table.add([
                    entry.workerId, entry.instance.map(String.init) ?? "", entry.address ?? "", entry.standing,
                    entry.leaseMillisecondsLeft.map(String.init) ?? "", entry.capacity.map(String.init) ?? "",
                    String(entry.shards), String(entry.affiliates), String(entry.standbys), entry.standingReason ?? "",
                ])
            }
            Console.answer(table.text)
        }
    }
}
