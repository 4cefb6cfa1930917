import ArgumentParser
import Core
import JobQueue
import Store

/// `fature queue ls`.
struct QueueListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract:
            "Show every queue: how many jobs wait, are in hand, delayed or dead, how old the oldest is, and what is paused.",
        discussion: """
            Example: fature queue ls --json

            Exit status: 0 shown, 3 no cluster named, 69 no server, 76 schema of another version.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation
    @OptionGroup var redis: RedisLocation

    func run() throws {
        try explained {
            let database = try location.connectToCurrentSchema("queue ls")
            let connection = try redis.connect(beside: location)
            let pictures = try QueueOptions.kinds.map { kind in
                let queue = JobQueue(kind, on: connection)
                return try QueuePicture(queue, stats: queue.stats(QueueOptions.everyShard), on: database)
            }
            if json { return try JSONAnswer.print(pictures) }
            var table = TextTable(["queue", "waiting", "in hand", "delayed", "dead", "oldest", "unprocessed", "paused"])
            for picture in pictures {
                table.add([
                    picture.queue, String(picture.waiting), String(picture.inHand), String(picture.delayed), String(picture.dead),
                    picture.waiting + picture.inHand == 0 ? "" : MomentText.age(milliseconds: picture.oldestMilliseconds),
                    picture.unprocessed.map(String.init) ?? "", picture.pauseText,
                ])
            }
            Console.answer(table.text)
        }
    }
}
