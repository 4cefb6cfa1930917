import ArgumentParser
import Core
import PostgresClient
import Store

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

    @OptionGroup var location: ClusterLocation

    struct Answer: Encodable {
        let shards: [Entry]
    }

    struct Entry: Encodable {
        let shard: Int
        /// Nil: nobody serves it.
        let workerId: String?
        let instance: Int64?
        let epoch: Int64
        let affiliates: Int64
        /// Who keeps a warm copy; nil: nobody.
        let standby: String?
    }

    func run() throws {
        try explained {
            let connection = try location.connectToCurrentSchema("shard ls")
            let only = try worker.map { try WorkerNames.name(of: $0, on: connection) }
            let entries = try connection.transaction(.snapshotReadOnly) { () -> [Entry] in
                let names = Dictionary(
                    uniqueKeysWithValues: try OwnershipQueries.workers(on: connection).map { ($0.instance, $0.registration.name) }
                )
                return try OwnershipQueries.weighedShards(on: connection).map { shard in
                    Entry(
                        shard: Int(shard.shard.rawValue), workerId: shard.owner.flatMap { names[$0] },
                        instance: shard.owner?.rawValue, epoch: shard.epoch.rawValue, affiliates: shard.affiliates,
                        standby: shard.standby.flatMap { names[$0] })
                }
            }.filter { only == nil || $0.workerId == only }
            if json { return try JSONAnswer.print(Answer(shards: entries)) }
            var table = TextTable(["shard", "worker", "instance", "standby", "epoch", "affiliates"])
            for entry in entries {
                table.add([
                    String(entry.shard), entry.workerId ?? "nobody", entry.instance.map(String.init) ?? "", entry.standby ?? "",
                    String(entry.epoch), String(entry.affiliates),
                ])
            }
            Console.answer(table.text)
        }
    }
}
