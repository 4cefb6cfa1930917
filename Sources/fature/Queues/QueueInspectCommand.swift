import ArgumentParser
import Core
import JobQueue
import Store

/// `fature queue inspect`.
struct QueueInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a queue shard by shard, or the first jobs of one shard.",
        discussion: """
            Example: fature queue inspect
            Example: fature queue inspect --shard 7 --limit 50

            Exit status: 0 shown, 3 no cluster named, 64 bad flag or no such queue, 69 no server, 76 schema of another version.
            """)

    @Option(help: ArgumentHelp("Show the jobs of this shard.", valueName: "n"))
    var shard: Int?

    @Option(help: ArgumentHelp("Show so many jobs of each state.", valueName: "n"))
    var limit = 20

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: QueueOptions

    private static let limitMax = 1_000

    struct Shard: Encodable {
        let shard: Int
        let waiting: Int
        let inHand: Int
        let delayed: Int
        let oldestMilliseconds: Int64
        /// By which owner's epoch the queue was filled; nil after a wipe.
        let epoch: Int64?
        let paused: Bool
        /// Only if the shard was asked for.
        let jobs: [JobText.Document]?
    }

    func validate() throws {
        _ = try QueueOptions.shard(shard)
        guard (1...Self.limitMax).contains(limit) else { throw ValidationError("--limit \(limit): give 1 to \(Self.limitMax)") }
    }

    func run() throws {
        let only = try QueueOptions.shard(shard)
        try explained {
            let database = try options.database("queue inspect")
            let queue = try options.queue()
            let paused = try QueuePauses.paused(queue.kind.name, on: database)
            let shards = try queue.stats(only.map { [$0] } ?? QueueOptions.everyShard).map { stats in
                Shard(
                    shard: Int(stats.shard.rawValue), waiting: stats.waiting, inHand: stats.pending, delayed: stats.delayed,
                    oldestMilliseconds: max(stats.oldestWaitingAgeMilliseconds, stats.oldestPendingAgeMilliseconds),
                    epoch: stats.epoch?.rawValue, paused: paused.contains(stats.shard),
                    jobs: only == nil ? nil : try jobs(queue, stats))
            }
            if json { return try JSONAnswer.print(shards) }
            var table = TextTable(["shard", "waiting", "in hand", "delayed", "oldest", "epoch", "paused"])
            for shard in shards where only != nil || shard.waiting + shard.inHand + shard.delayed > 0 || shard.paused {
                table.add([
                    String(shard.shard), String(shard.waiting), String(shard.inHand), String(shard.delayed),
                    MomentText.age(milliseconds: shard.oldestMilliseconds), shard.epoch.map(String.init) ?? "none",
                    shard.paused ? "yes" : "",
                ])
            }
            Console.answer(table.text)
            if only == nil { return Console.answer("(shards without jobs are not shown)") }
            Console.answer("\n\(JobText.table(shards.flatMap { $0.jobs ?? [] }))")
        }
    }

    private func jobs(_ queue: JobQueue, _ stats: QueueStats) throws -> [JobText.Document] {
        try [JobQueue.Inspected.inHand, .waiting, .delayed].flatMap { state in
            try queue.inspect(state, of: stats.shard, count: limit).map {
                JobText.Document($0, shard: stats.shard, nowMilliseconds: stats.nowMilliseconds)
            }
        }
    }
}
