import Core
import RedisClient

/// Whose jobs are taken over.
package struct Takeover: Sendable {
    /// Consumers that live: their jobs stay with them.
    package var living: [ConsumerName]
    /// Consumers that are known to be lost: their jobs go at once.
    package var lost: [ConsumerName]
    /// Everybody else's jobs go after so many milliseconds without a sign of life; 0: at once, when the caller is the shard's new owner.
    package var idleMilliseconds: Int

    package init(living: [ConsumerName], lost: [ConsumerName] = [], idleMilliseconds: Int) {
        self.living = living
        self.lost = lost
        self.idleMilliseconds = idleMilliseconds
    }
}

package struct TakeoverAnswer: Sendable, Equatable {
    /// Jobs that were added again, with one more crash.
    package var taken = 0
    /// Pending entries whose job was done already.
    package var dropped = 0
    /// Shards of which the caller is not the owner any more.
    package var stale: [ShardID] = []

    package init(taken: Int = 0, dropped: Int = 0, stale: [ShardID] = []) {
        self.taken = taken
        self.dropped = dropped
        self.stale = stale
    }
}

/// What a shard's epoch marker said.
package enum EpochAnswer: Sendable, Equatable {
    /// It was older, or missing where that does not matter, and is the caller's now.
    case raised
    /// It was the caller's already.
    case unchanged
    /// There is none: Redis was wiped, or the shard is new. Refill it, then `markEpoch`.
    case missing
    /// Somebody owns the shard at this later epoch.
    case stale(Epoch)
}

extension JobQueue {
    /// How many entries of a stream, and of how many bytes, are looked at for strays: bounds how long Redis is held up.
    private static let strayLooksMax = 1_000
    private static let strayBytesMax = 1024 * 1024

    /// Puts delayed jobs that are due back into their streams, `countPerShard` of a shard at most. Gives how many went.
    ///
    /// - Parameter aheadMilliseconds: those due within this time too.
    @discardableResult
    package func promoteDue(
        _ shards: [ShardID], countPerShard: Int = 500, aheadMilliseconds: Int = 0
    ) throws(RedisError) -> Int {
        let replies = try eachShard(shards, \.self) { shard in
            RedisScriptCall(
                QueueScript.promote, keys: [keys(.stream, shard), keys(.delayed, shard), keys(.known, shard)],
                [.int(Int64(aheadMilliseconds)), .int(Int64(countPerShard))])
        }
        return try Self.sum(replies)
    }

    /// Adds the jobs of lost consumers again, at the ends of their queues, with one more crash in their records. Whether that was one too many is seen
    /// when they are taken.
    package func takeOver(
        _ shards: [OwnedShard], _ takeover: Takeover, countPerShard: Int = 500
    ) throws(RedisError) -> TakeoverAnswer {
        let replies = try eachShard(shards, \.shard) { owned in
            RedisScriptCall(
                QueueScript.takeOver,
                keys: [keys(.stream, owned.shard), keys(.known, owned.shard), keys(.epoch, owned.shard)],
                [.int(owned.epoch.rawValue), .int(Int64(takeover.idleMilliseconds)), .int(Int64(countPerShard))]
                    + [.int(Int64(takeover.living.count))] + takeover.living.map { .text($0.text) }
                    + [.int(Int64(takeover.lost.count))] + takeover.lost.map { .text($0.text) })
        }
        var answer = TakeoverAnswer()
        for (owned, reply) in zip(shards, replies) {
            guard let values = try reply?.arrayValue() else { continue }
            guard values.count == 2 else { throw Self.unexpected("\(values.count) values") }
            let taken = Int(try values[0].integerValue())
            if taken < 0 {
                answer.stale.append(owned.shard)
            } else {
                answer.taken += taken
                answer.dropped += Int(try values[1].integerValue())
            }
        }
        return answer
    }

    /// Releases strays: jobs that the group has been given once and that nobody has in hand, so that nobody would ever be given them. Redis leaves
    /// such after a power failure in the middle of a script's writes, a person by acknowledging what is in hand. Those behind a job that is in hand
    /// are not seen before it is gone, nor those behind `strayLooksMax` released ones.
    ///
    /// - Returns: how many went, `countPerShard` of a shard at most.
    package func recoverStrays(_ shards: [ShardID], countPerShard: Int = JobQueue.jobsPerScriptMax) throws(RedisError) -> Int {
        let replies = try eachShard(shards, \.self) { shard in
            RedisScriptCall(
                QueueScript.recover, keys: [keys(.stream, shard)],
                [.int(Int64(countPerShard)), .int(Int64(Self.strayLooksMax)), .int(Int64(Self.strayBytesMax))])
        }
        return try Self.sum(replies)
    }

    /// Removes consumers that have nothing in hand and have shown no life for some time. Gives how many went.
    @discardableResult
    package func forgetConsumers(
        _ shards: [ShardID], idleMilliseconds: Int, keeping living: [ConsumerName]
    ) throws(RedisError) -> Int {
        try forget(shards, idleMilliseconds, only: "", living)
    }

    /// Removes one consumer from shards in which it has nothing in hand. Gives from how many.
    @discardableResult
    package func removeConsumer(_ name: ConsumerName, from shards: [ShardID]) throws(RedisError) -> Int {
        try forget(shards, 0, only: name.text, [])
    }

    private func forget(
        _ shards: [ShardID], _ idleMilliseconds: Int, only: String, _ living: [ConsumerName]
    ) throws(RedisError) -> Int {
        let replies = try eachShard(shards, \.self) { shard in
            RedisScriptCall(
                QueueScript.forgetConsumers, keys: [keys(.stream, shard)],
                [.int(Int64(idleMilliseconds)), .text(only)] + living.map { .text($0.text) })
        }
        return try Self.sum(replies)
    }

    private static func sum(_ counts: [RedisReply?]) throws(RedisError) -> Int {
        var sum = 0
        for count in counts { sum += Int(try count?.integerValue() ?? 0) }
        return sum
    }

    /// Raises the markers of shards that have one. From then on a consumer at an older epoch gets no jobs of theirs.
    package func raiseEpochs(_ shards: [OwnedShard]) throws(RedisError) -> [EpochAnswer] {
        try epochs(shards, evenIfMissing: false)
    }

    /// Sets a shard's marker: its queue has been refilled since the last wipe, by the owner at this epoch.
    package func markEpoch(_ owned: OwnedShard) throws(RedisError) -> EpochAnswer {
        try epochs([owned], evenIfMissing: true)[0]
    }

    private func epochs(_ shards: [OwnedShard], evenIfMissing: Bool) throws(RedisError) -> [EpochAnswer] {
        let replies = try each(shards) { owned in
            RedisScriptCall(
                QueueScript.markEpoch, keys: [keys(.epoch, owned.shard)],
                [.int(owned.epoch.rawValue), evenIfMissing ? "1" : "0"])
        }
        var answers: [EpochAnswer] = []
        for (owned, reply) in zip(shards, replies) {
            if let marker = Self.marker(reply) {
                answers.append(marker > owned.epoch ? .stale(marker) : marker == owned.epoch ? .unchanged : .raised)
            } else {
                answers.append(evenIfMissing ? .raised : .missing)
            }
        }
        return answers
    }

    /// Sets markers back to the owner's epochs where they are still what they were seen to be: PostgreSQL was restored from a backup, or another
    /// program has written them. Gives which were set.
    ///
    /// Only for who holds the fence of these shards in PostgreSQL while it calls: then nobody has a later epoch.
    package func resetEpochs(_ shards: [(owned: OwnedShard, seen: Epoch)]) throws(RedisError) -> [OwnedShard] {
        let replies = try each(shards) { one in
            RedisScriptCall(
                QueueScript.resetEpoch, keys: [keys(.epoch, one.owned.shard)],
                [.int(one.seen.rawValue), .int(one.owned.epoch.rawValue)])
        }
        return zip(shards, replies).filter { $0.1 == .integer(1) }.map(\.0.owned)
    }

    /// What a marker says; nil for a missing one and for what is none: the scripts read it in the same way.
    static func marker(_ reply: RedisReply) -> Epoch? {
        guard case .bytes(let digits) = reply, (1...15).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self)).map { Epoch($0) }
    }
}
