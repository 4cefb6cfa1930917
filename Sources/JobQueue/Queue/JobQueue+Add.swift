import Core
import RedisClient

/// What became of a job that was to be added.
package enum AddAnswer: Sendable, Equatable {
    case added
    /// Redis has no memory for it. The job was not added: it stays in PostgreSQL until the sweeper tries again.
    case full
    /// The queue's keys hold what is not ours, in Redis' words.
    case refused(String)
}

extension JobQueue {
    private static let bytesPerRoundTripMax = 16 * 1024 * 1024
    private static let jobsPerRoundTripMax = 10_000

    /// Adds jobs at the ends of their shards' queues, in their order. Answers for each.
    ///
    /// - Throws: when the connection fails, or Redis refuses all that is written; then some of the jobs may have been added. Adding them again does
    ///   no harm.
    package func add(_ jobs: [NewJob]) throws(RedisError) -> [AddAnswer] {
        var answers: [AddAnswer] = []
        answers.reserveCapacity(jobs.count)
        commands.removeAll()
        for job in jobs {
            commands.begin(arguments: 5)
            commands.append("XADD")
            keys.append(.stream, job.shard, to: commands)
            commands.append("*")
            commands.append("j")
            job.append(to: commands)
            if commands.count == Self.jobsPerRoundTripMax || commands.byteCount >= Self.bytesPerRoundTripMax {
                try exchangeAdds(&answers)
            }
        }
        if commands.count > 0 { try exchangeAdds(&answers) }
        return answers
    }

    private func exchangeAdds(_ answers: inout [AddAnswer]) throws(RedisError) {
        let replies = try connection.exchange(commands)
        for place in replies.roots {
            let error = replies.error(place)
            answers.append(try error.map { error throws(RedisError) in try Self.answer(error) } ?? .added)
        }
        commands.removeAll()
    }

    private static func answer(_ error: String) throws(RedisError) -> AddAnswer {
        if error.hasPrefix("OOM") { return .full }
        let code = RedisConnection.serverCode(error)
        guard shardCodes.contains(code) else { throw RedisError(.server, error, serverCode: code) }
        return .refused(error)
    }

    /// How many entries of a stream are looked through for jobs of which there is a record. In a longer one they count as known.
    private static let sweepEntriesMax = 20_000

    /// Adds those of the jobs that are neither delayed nor being tried again. Nil for a job that is.
    ///
    /// A job of which `:f` has a record, and that is nowhere else, comes back with its counts. One that waits for the first time, or is in hand for
    /// the first time, is not in `:f` and is added again: sweep only what was accepted before `QueueStats.oldestMilliseconds`, or longer ago than
    /// any backlog.
    package func sweepAdd(_ jobs: [NewJob]) throws(RedisError) -> [AddAnswer?] {
        let parts = parts(jobs, \.shard)
        let replies = try eachReply(parts) { part in
            RedisScriptCall(
                QueueScript.sweepAdd,
                keys: [keys(.stream, part.shard), keys(.delayed, part.shard), keys(.known, part.shard)],
                [.int(Int64(Self.sweepEntriesMax))]
                    + part.elements.flatMap { [.text($0.id.text), .bytes($0.record)] })
        }
        var answers = [AddAnswer?](repeating: nil, count: jobs.count)
        for (part, reply) in zip(parts, replies) {
            if case .error(let text) = reply {
                let answer = try Self.answer(text)
                for index in part.indices { answers[index] = answer }
                continue
            }
            var letters = [UInt8](repeating: 0, count: jobs.count)
            try Self.spread(reply, over: part, into: &letters)
            for index in part.indices where letters[index] == UInt8(ascii: "1") { answers[index] = .added }
        }
        return answers
    }
}
