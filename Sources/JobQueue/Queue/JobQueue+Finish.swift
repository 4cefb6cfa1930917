import Core
import RedisClient

/// A job that a handler could not do.
package struct FailedJob: Sendable {
    package let job: Job
    package let cause: JobCause
    /// For people; its first 512 bytes are kept.
    package let error: String
    /// Whether it failed; otherwise it is postponed, for what is not its fault.
    package let isFailure: Bool

    package init(_ job: Job, cause: JobCause, error: String, isFailure: Bool = true) {
        self.job = job
        self.cause = cause
        self.error = error
        self.isFailure = isFailure
    }
}

package enum RetryAnswer: Sendable, Equatable {
    /// It comes again after this many milliseconds.
    case delayed(Int)
    /// It may not fail once more. Nothing was written: give it to the sink, then `bury` it.
    case dead
    /// It is not in this consumer's hand any more; somebody else has it.
    case lost
    /// The caller does not own the shard any more. Nothing was written: `release` it.
    case stale
}

extension JobQueue {
    /// Ends jobs: they are gone from Redis. Gives how many of them were still there; a job that somebody took over in the meantime is another
    /// entry, and stays.
    ///
    /// XDEL goes before XACK: a connection that breaks between them leaves a pending entry without a job, which a takeover drops. The other
    /// way round it would leave a job that nobody is ever given.
    @discardableResult
    package func done(_ jobs: [Job]) throws(RedisError) -> Int {
        var ended = 0
        let known = jobs.filter(\.isKnown)
        if !known.isEmpty {
            let parts = parts(known, \.shard)
            let letters = try letters(parts, count: known.count) { part in
                RedisScriptCall(
                    QueueScript.finish, keys: [keys(.stream, part.shard), keys(.known, part.shard)],
                    part.elements.flatMap { [Self.argument($0.entry), .bytes(Array($0.idBytes))] })
            }
            ended = letters.count { $0 == UInt8(ascii: "1") }
        }
        return try ended + endUnknown(known.isEmpty ? jobs : jobs.filter { !$0.isKnown })
    }

    /// Two commands for each run of jobs of one shard; a batch comes from Redis shard by shard.
    private func endUnknown(_ jobs: [Job]) throws(RedisError) -> Int {
        guard !jobs.isEmpty else { return 0 }
        commands.removeAll()
        var runs: [ShardID] = []
        var start = 0
        while start < jobs.count {
            let shard = jobs[start].shard
            let end = jobs[start...].firstIndex { $0.shard != shard } ?? jobs.count
            runs.append(shard)
            commands.begin(arguments: 2 + end - start)
            commands.append("XDEL")
            keys.append(.stream, shard, to: commands)
            for index in start..<end { (jobs[index].entry ?? Self.noEntry).append(to: commands) }
            commands.begin(arguments: 3 + end - start)
            commands.append("XACK")
            keys.append(.stream, shard, to: commands)
            commands.append("workers")
            for index in start..<end { (jobs[index].entry ?? Self.noEntry).append(to: commands) }
            start = end
        }
        let replies = try connection.exchange(commands)
        var ended = 0
        for (index, place) in replies.roots.enumerated() {
            // Where the key holds something else, or nothing after a wipe, the job is not there either.
            if let error = replies.error(place) { try note(error, of: runs[index / 2]) }
            if index % 2 == 0 { ended += replies.integer(place) ?? 0 }
        }
        return ended
    }

    private static let noEntry = EntryID(milliseconds: 0, sequence: 0)

    /// Delays jobs that failed or are postponed, each with its own backoff, or says that they are dead.
    ///
    /// - Parameter epochs: at which the caller owns the jobs' shards; a shard that is missing counts as stale.
    package func retry(
        _ failed: [FailedJob], epochs: [ShardID: Epoch], policy: JobPolicy, using random: inout some RandomNumberGenerator
    ) throws(RedisError) -> [RetryAnswer] {
        var answers = [RetryAnswer](repeating: .lost, count: failed.count)
        var delayed: [(index: Int, job: FailedJob, milliseconds: Int)] = []
        for (index, one) in failed.enumerated() {
            let failures = one.job.failures + 1
            if one.isFailure, policy.isDead(failures: failures, crashes: one.job.crashes) {
                answers[index] = .dead
            } else if epochs[one.job.shard] == nil {
                answers[index] = .stale
            } else {
                let milliseconds =
                    one.isFailure
                    ? policy.backoffMilliseconds(failures: failures, using: &random)
                    : policy.postponementMilliseconds(time: one.job.postponements + 1, using: &random)
                delayed.append((index, one, milliseconds))
            }
        }
        let parts = parts(delayed, \.job.job.shard)
        let letters = try letters(parts, count: delayed.count) { part in
            let shard = part.shard
            return RedisScriptCall(
                QueueScript.retry,
                keys: [keys(.stream, shard), keys(.delayed, shard), keys(.known, shard), keys(.epoch, shard)],
                [.text(consumer.text), .int(epochs[shard]?.rawValue ?? 0)]
                    + part.elements.flatMap { one -> [RedisArgument] in
                        let job = one.job.job
                        let record = job.recordWith(
                            failures: job.failures + (one.job.isFailure ? 1 : 0),
                            postponements: job.postponements + (one.job.isFailure ? 0 : 1), cause: one.job.cause,
                            error: one.job.error)
                        return [
                            Self.argument(job.entry), .bytes(Array(job.idBytes)), .int(Int64(one.milliseconds)), .bytes(record),
                        ]
                    })
        }
        for (one, letter) in zip(delayed, letters) {
            switch letter {
            case UInt8(ascii: "d"): answers[one.index] = .delayed(one.milliseconds)
            case UInt8(ascii: "s"): answers[one.index] = .stale
            default: answers[one.index] = .lost
            }
        }
        return answers
    }

    /// Moves jobs to the dead letters in Redis, after the sink has them. Gives which were still in this consumer's hand, and how many of the
    /// oldest letters a full `:dlq` dropped (the sink has those too).
    package func bury(_ letters: [DeadLetter]) throws(RedisError) -> (isBuried: [Bool], dropped: Int) {
        let parts = parts(letters, \.shard)
        let replies = try eachShard(parts, \.shard) { part in
            RedisScriptCall(
                QueueScript.bury, keys: [keys(.stream, part.shard), keys(.known, part.shard), keys(.deadLetters, part.shard)],
                [.text(consumer.text), .int(Int64(Self.deadLettersMax))]
                    + part.elements.flatMap { [.text($0.entry.description), .text($0.id.text), .bytes($0.record)] })
        }
        var digits = [UInt8](repeating: 0, count: letters.count)
        var dropped = 0
        for (part, reply) in zip(parts, replies) {
            guard let values = try reply?.arrayValue() else { continue }
            guard values.count == 2 else { throw Self.unexpected("\(values.count) values") }
            try Self.spread(values[0], over: part, into: &digits)
            dropped += Int(try values[1].integerValue())
        }
        return (digits.map { $0 == UInt8(ascii: "1") }, dropped)
    }

    /// Gives jobs back as they were: not failed, in their old order, before all that wait. Gives which were still in this consumer's hand.
    @discardableResult
    package func release(_ jobs: [Job]) throws(RedisError) -> [Bool] {
        try release(jobs.map { ($0.shard, $0.entry ?? Self.noEntry) })
    }

    @discardableResult
    package func release(_ entries: [(ShardID, EntryID)]) throws(RedisError) -> [Bool] {
        try assign(entries, to: ConsumerName.released, as: consumer)
    }

    /// Releases all that Redis has under this consumer's name: after a connection that broke, so that nobody knows what it had been given. Gives
    /// how many entries that was.
    @discardableResult
    package func releaseOwn(_ shards: [ShardID]) throws(RedisError) -> Int {
        var count = 0
        var left = shards
        while !left.isEmpty {
            let replies = try eachShard(left, \.self) { shard in
                RedisScriptCall(
                    QueueScript.releaseOwn, keys: [keys(.stream, shard)],
                    [.text(consumer.text), .int(Int64(Self.jobsPerScriptMax))])
            }
            let counts = try replies.map { reply throws(RedisError) in Int(try reply?.integerValue() ?? 0) }
            count += counts.reduce(0, +)
            left = zip(left, counts).filter { $0.1 == Self.jobsPerScriptMax }.map(\.0)
        }
        return count
    }

    /// Shows that the consumer that has these jobs in hand lives, so that they are not taken over. Gives which it still has.
    package func renew(_ entries: [(ShardID, EntryID)], of owner: ConsumerName) throws(RedisError) -> [Bool] {
        try assign(entries, to: owner.text, as: owner)
    }

    private func assign(_ entries: [(ShardID, EntryID)], to target: String, as owner: ConsumerName) throws(RedisError) -> [Bool] {
        let parts = parts(entries, \.0)
        let digits = try letters(parts, count: entries.count) { part in
            RedisScriptCall(
                QueueScript.assign, keys: [keys(.stream, part.shard)],
                [.text(owner.text), .text(target)] + part.elements.map { .text($0.1.description) })
        }
        return digits.map { $0 == UInt8(ascii: "1") }
    }

    private static func argument(_ entry: EntryID?) -> RedisArgument { .text(entry?.description ?? "0-0") }
}
