import Administration
import ArgumentParser

/// `fature shard`.
struct ShardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shard",
        abstract: "Look at the shards: who owns each, what it weighs, and why it is where it is.",
        discussion: """
            Example: fature shard ls --worker worker-1

            Exit status: 0 shown, 3 no cluster named, 64 bad flag or no such worker, 69 no PostgreSQL, 76 schema of another version.
            """,
        subcommands: [ShardListCommand.self, ShardExplainCommand.self])
}

/// `fature shard ls`.
struct ShardListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Show every shard with its owner, standby, epoch and affiliates.",
        discussion: """
            Example: fature shard ls --json

            Exit status: 0 shown, 3 no cluster named, 64 no such worker, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Only those of this worker, given by name or instance.", valueName: "worker"))
    var worker: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var administration: AdministrationOptions

    func run() throws {
        try explained {
            let document = try administration.port("shard ls").shards(of: worker)
            if json { return try JSONAnswer.print(document) }
            var table = TextTable(["shard", "worker", "instance", "standby", "epoch", "affiliates"])
            for entry in document.shards {
                table.add([
                    String(entry.shard), entry.workerId ?? "nobody", entry.instance.map(String.init) ?? "", entry.standby ?? "",
                    String(entry.epoch), String(entry.affiliates),
                ])
            }
            Console.answer(table.text)
        }
    }
}
