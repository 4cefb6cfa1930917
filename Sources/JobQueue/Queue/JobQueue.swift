import Core
import RedisClient

/// The queues of one kind, as one thread sees them: blocking calls on that thread's connection, each bounded in time.
///
/// Every call may throw a `RedisError`. After one that `isConnectionFailure` the caller reconnects and calls again; what the call did is
/// unknown, and doing it twice is harmless: see `docs/design/queue.md`.
package final class JobQueue {
    package let kind: JobKind
    package let consumer: ConsumerName
    package let connection: RedisConnection
    let keys: QueueKeys
    /// Reused by the calls that every job goes through.
    let commands = RedisCommands()
    /// Redis' words about shards whose keys it could not work with, since `takeRefusals`.
    private var refusals: [ShardID: String] = [:]

    /// How many calls of a script go in one round trip.
    static let callsPerRoundTripMax = 1_000
    /// How many jobs one script moves: bounds how long Redis is held up.
    package static let jobsPerScriptMax = 500
    /// Errors that one shard's keys are the cause of; `ERR` is what a script says that stumbles over them.
    static let shardCodes: Set<String> = ["WRONGTYPE", "NOGROUP", "ERR"]
    /// How many dead letters a shard keeps in Redis; PostgreSQL keeps all.
    package static let deadLettersMax = 10_000

    package init(_ kind: JobKind, on connection: RedisConnection, as consumer: ConsumerName = .make()) {
        self.kind = kind
        self.connection = connection
        self.consumer = consumer
        keys = QueueKeys(kind)
    }

    /// Redis' words about shards whose keys hold what is not ours, since the last call. What was to be done to their jobs was not done;
    /// other shards went on.
    package func takeRefusals() -> [ShardID: String] {
        defer { refusals = [:] }
        return refusals
    }

    /// Notes an error that is about one shard's keys.
    ///
    /// - Throws: any other: Redis refuses everybody's commands, or this connection's.
    func note(_ error: String, of shard: ShardID) throws(RedisError) {
        let code = RedisConnection.serverCode(error)
        guard Self.shardCodes.contains(code) else { throw RedisError(.server, error, serverCode: code) }
        refusals[shard] = error
    }

    /// As `each`, with nil where a shard's keys hold what is not ours.
    func eachShard<Element>(
        _ elements: [Element], _ shard: (Element) -> ShardID, _ makeCall: (Element) -> RedisScriptCall
    ) throws(RedisError) -> [RedisReply?] {
        let replies = try eachReply(elements, makeCall)
        var answers: [RedisReply?] = []
        answers.reserveCapacity(replies.count)
        for (element, reply) in zip(elements, replies) {
            if case .error(let text) = reply {
                try note(text, of: shard(element))
                answers.append(nil)
            } else {
                answers.append(reply)
            }
        }
        return answers
    }

    /// Calls a script once for each element and gives the answers in order. The first error answer is thrown, after all calls were made.
    func each<Element>(
        _ elements: [Element], _ makeCall: (Element) -> RedisScriptCall
    ) throws(RedisError) -> [RedisReply] {
        let replies = try eachReply(elements, makeCall)
        for reply in replies {
            if case .error(let text) = reply {
                throw RedisError(.server, text, serverCode: RedisConnection.serverCode(text))
            }
        }
        return replies
    }

    /// As `each`, with error answers among the answers.
    func eachReply<Element>(
        _ elements: [Element], _ makeCall: (Element) -> RedisScriptCall
    ) throws(RedisError) -> [RedisReply] {
        var replies: [RedisReply] = []
        replies.reserveCapacity(elements.count)
        var start = 0
        while start < elements.count {
            let end = min(start + Self.callsPerRoundTripMax, elements.count)
            replies += try connection.evaluate(elements[start..<end].map(makeCall))
            start = end
        }
        return replies
    }

    /// Elements of one shard, in their order, in parts that one script takes; with their places in `elements`.
    func parts<Element>(_ elements: [Element], _ shard: (Element) -> ShardID) -> [ShardPart<Element>] {
        var parts: [ShardPart<Element>] = []
        var open: [ShardID: Int] = [:]
        for (index, element) in elements.enumerated() {
            let id = shard(element)
            if let at = open[id], parts[at].elements.count < Self.jobsPerScriptMax {
                parts[at].elements.append(element)
                parts[at].indices.append(index)
            } else {
                open[id] = parts.count
                parts.append(ShardPart(shard: id, elements: [element], indices: [index]))
            }
        }
        return parts
    }

    /// One script call a part; the letter it answered for each element, in the elements' order; 0 where a shard's keys hold what is not ours.
    func letters<Element>(
        _ parts: [ShardPart<Element>], count: Int, _ makeCall: (ShardPart<Element>) -> RedisScriptCall
    ) throws(RedisError) -> [UInt8] {
        let replies = try eachShard(parts, \.shard, makeCall)
        var letters = [UInt8](repeating: 0, count: count)
        for (part, reply) in zip(parts, replies) {
            if let reply { try Self.spread(reply, over: part, into: &letters) }
        }
        return letters
    }

    static func spread<Element>(_ reply: RedisReply, over part: ShardPart<Element>, into letters: inout [UInt8])
        throws(RedisError)
    {
        let answer = try reply.bytesValue()
        guard answer.count == part.indices.count else {
            throw unexpected("\(answer.count) letters for \(part.indices.count) jobs")
        }
        for (index, letter) in zip(part.indices, answer) { letters[index] = letter }
    }

    static func unexpected(_ what: String) -> RedisError { RedisError(.value, "a script of the job queue answered \(what)") }

    static func entry(_ replies: RedisReplies, _ place: Int) throws(RedisError) -> EntryID {
        guard let range = replies.range(place), let entry = EntryID(replies.bytes[range]) else {
            throw unexpected("what is no entry of a stream")
        }
        return entry
    }

    static func entry(_ reply: RedisReply) throws(RedisError) -> EntryID {
        guard let entry = EntryID(try reply.bytesValue()) else { throw unexpected("what is no entry of a stream") }
        return entry
    }
}

/// Some elements of one shard, and where they stand among all.
struct ShardPart<Element> {
    let shard: ShardID
    var elements: [Element]
    var indices: [Int]
}

/// A shard and the epoch at which the caller owns it.
package struct OwnedShard: Hashable, Sendable {
    package let shard: ShardID
    package let epoch: Epoch

    package init(_ shard: ShardID, _ epoch: Epoch) {
        self.shard = shard
        self.epoch = epoch
    }
}
