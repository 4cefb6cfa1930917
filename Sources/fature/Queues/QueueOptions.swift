import ArgumentParser
import Core
import JobQueue
import PostgresClient
import Store

/// Which queue a command is about, and how it reaches the two servers.
struct QueueOptions: ParsableArguments {
    /// Every kind of job there is.
    static let kinds: [JobKind] = [.commission]

    @Option(
        name: .customLong("queue"),
        help: ArgumentHelp("The queue: the name of a kind of job.", valueName: "name"))
    var queueName = JobKind.commission.name

    @OptionGroup var location: ClusterLocation
    @OptionGroup var redis: RedisLocation

    func validate() throws { _ = try kind }

    var kind: JobKind {
        get throws {
            guard let kind = Self.kinds.first(where: { $0.name == queueName }) else {
                throw ValidationError(
                    "--queue \(queueName): there is no such queue; there is \(Self.kinds.map(\.name).joined(separator: ", "))")
            }
            return kind
        }
    }

    func database(_ purpose: String) throws(CommandError) -> PostgresConnection { try location.connectToCurrentSchema(purpose) }

    func queue() throws -> JobQueue { JobQueue(try kind, on: try redis.connect(beside: location)) }

    static let everyShard = (0..<ShardID.count).map { ShardID($0) }

    static func shard(_ number: Int?) throws -> ShardID? {
        guard let number else { return nil }
        guard (0..<ShardID.count).contains(number) else {
            throw ValidationError("--shard \(number): give 0 to \(ShardID.count - 1)")
        }
        return ShardID(number)
    }
}

extension ClusterLocation {
    /// PostgreSQL, which has to have the schema of this binary.
    func connectToCurrentSchema(_ purpose: String) throws(CommandError) -> PostgresConnection {
        let connection = try connect(purpose)
        do { try Schema.requireCurrent(connection) } catch { throw CommandError.explaining(error) }
        return connection
    }
}

/// Runs a command's work; whatever goes wrong below becomes one line and an exit status.
func explained<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as ExitCode { throw error } catch { throw CommandError.explaining(error) }
}
