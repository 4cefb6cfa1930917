import ArgumentParser
import Core
import Placement
import PostgresClient
import Store

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

    @OptionGroup var location: ClusterLocation

    struct Answer: Encodable {
        let workers: [Entry]
    }

    struct Entry: Encodable {
        /// Its name: what commands take.
        let workerId: String
        /// Nil: no process of this name has a lease, but its standing holds.
        let instance: Int64?
        let address: String?
        let version: String?
        let capacity: Int64?
        /// Until its lease ends by PostgreSQL's clock; 0 or less: it has.
        let leaseMillisecondsLeft: Int64?
        let standing: String
        let standingReason: String?
        let standingBy: String?
        let shards: Int
        let affiliates: Int64
        /// Shards of others of which it keeps a warm copy.
        let standbys: Int
        let epochMin: Int64?
        let epochMax: Int64?
    }

    func run() throws {
        try explained {
            let connection = try location.connectToCurrentSchema("worker ls")
            let entries = try connection.transaction(.snapshotReadOnly) { try Self.entries(connection) }
            if json { return try JSONAnswer.print(Answer(workers: entries)) }
            var table = TextTable([
                "worker", "instance", "address", "standing", "lease ms", "capacity", "shards", "affiliates", "standbys", "reason",
            ])
            for entry in entries {
                table.add([
                    entry.workerId, entry.instance.map(String.init) ?? "", entry.address ?? "", entry.standing,
                    entry.leaseMillisecondsLeft.map(String.init) ?? "", entry.capacity.map(String.init) ?? "",
                    String(entry.shards), String(entry.affiliates), String(entry.standbys), entry.standingReason ?? "",
                ])
            }
            Console.answer(table.text)
        }
    }

    private static func entries(_ connection: PostgresConnection) throws -> [Entry] {
        let workers = try OwnershipQueries.workers(on: connection)
        let shards = try OwnershipQueries.weighedShards(on: connection)
        let standings = try WorkerStandings.all(on: connection)
        let living = workers.map { worker in
            let owned = shards.filter { $0.owner == worker.instance }
            let standing = standings.first { $0.name == worker.registration.name }
            return Entry(
                workerId: worker.registration.name, instance: worker.instance.rawValue, address: worker.registration.address,
                version: worker.registration.version, capacity: worker.registration.capacity,
                leaseMillisecondsLeft: worker.leaseMillisecondsLeft, standing: worker.standing.rawValue,
                standingReason: standing?.reason, standingBy: standing?.actor, shards: owned.count,
                affiliates: owned.reduce(0) { $0 + $1.affiliates },
                standbys: shards.count { $0.standby == worker.instance }, epochMin: owned.map(\.epoch.rawValue).min(),
                epochMax: owned.map(\.epoch.rawValue).max())
        }
        let away = standings.filter { standing in !workers.contains { $0.registration.name == standing.name } }.map {
            Entry(
                workerId: $0.name, instance: nil, address: nil, version: nil, capacity: nil, leaseMillisecondsLeft: nil,
                standing: $0.standing.rawValue, standingReason: $0.reason, standingBy: $0.actor, shards: 0, affiliates: 0,
                standbys: 0,
                epochMin: nil, epochMax: nil)
        }
        return living + away
    }
}
