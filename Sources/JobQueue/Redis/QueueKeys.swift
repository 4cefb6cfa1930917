import Core
import RedisClient

/// The keys of a kind's queues: `{fature:commission:007}:s`. The tag in braces keeps a shard's keys together in Redis Cluster.
struct QueueKeys: Sendable {
    enum Part: String, CaseIterable {
        /// The stream of jobs, with the group `workers`.
        case stream = "s"
        /// Delayed jobs' ids by the millisecond of Redis' clock at which they are due.
        case delayed = "z"
        /// The records of jobs that have failed or were in a crash, by id.
        case known = "f"
        /// The stream of dead letters.
        case deadLetters = "dlq"
        /// There while the queue is paused; who and why.
        case paused
        /// The epoch of the owner that has filled this shard's queue; missing after a wipe.
        case epoch
    }

    static let group = "workers"

    private let prefix: String

    init(_ kind: JobKind) { prefix = "{fature:\(kind.name):" }

    func text(_ part: Part, _ shard: ShardID) -> String {
        let digits = String(shard.rawValue)
        return prefix + String(repeating: "0", count: max(0, 3 - digits.utf8.count)) + digits + "}:" + part.rawValue
    }

    /// As `text`, into a command, without a string in between.
    func append(_ part: Part, _ shard: ShardID, to commands: RedisCommands) {
        let number = shard.rawValue
        commands.append { bytes in
            bytes.append(prefix)
            if number < 100 { bytes.append(UInt8(ascii: "0")) }
            if number < 10 { bytes.append(UInt8(ascii: "0")) }
            bytes.appendDecimal(Int(number))
            bytes.append("}:")
            bytes.append(part.rawValue)
        }
    }

    func callAsFunction(_ part: Part, _ shard: ShardID) -> RedisArgument { .text(text(part, shard)) }
}
