import Core
import RedisClient

/// The figures of one shard's queue at one moment.
package struct QueueStats: Sendable, Equatable {
    package var shard: ShardID
    /// Jobs that nobody has in hand.
    package var waiting = 0
    /// Jobs in hand.
    package var pending = 0
    package var delayed = 0
    /// Jobs that have failed or were in a crash, wherever they are.
    package var known = 0
    /// Dead letters that Redis keeps.
    package var dead = 0
    /// Redis' clock, milliseconds since 1970.
    package var nowMilliseconds: Int64 = 0
    /// When the first waiting job, and the first job in hand, came into the stream, by Redis' clock; nil when there is none.
    package var oldestWaitingAtMilliseconds: Int64?
    package var oldestPendingAtMilliseconds: Int64?
    /// When the first delayed job is due.
    package var nextDueAtMilliseconds: Int64?
    /// Why the queue is paused; nil when it is not.
    package var pause: String?
    /// Nil when there is no marker.
    package var epoch: Epoch?
    /// Why the queue cannot be used: one of its keys holds what is not ours. Figures of such keys are 0.
    package var refusal: String?

    /// Since when there is an unfinished job in the stream: what was added before is done, known or lost. Nil when the stream is empty.
    package var oldestMilliseconds: Int64? {
        guard let waiting = oldestWaitingAtMilliseconds else { return oldestPendingAtMilliseconds }
        return min(waiting, oldestPendingAtMilliseconds ?? waiting)
    }
    package var oldestWaitingAgeMilliseconds: Int64 { oldestWaitingAtMilliseconds.map { max(0, nowMilliseconds - $0) } ?? 0 }
    package var oldestPendingAgeMilliseconds: Int64 { oldestPendingAtMilliseconds.map { max(0, nowMilliseconds - $0) } ?? 0 }
}

/// Where a job is.
package enum JobPlace: Sendable, Equatable {
    case waiting
    case inHand(consumer: String, forMilliseconds: Int64)
    /// By Redis' clock.
    case delayed(dueAtMilliseconds: Int64)
    /// In `:dlq`.
    case dead
}

/// A job that was looked at, or what is not one.
package struct InspectedJob: Sendable {
    package let place: JobPlace
    /// In the stream or in `:dlq`; nil for a delayed job.
    package let entry: EntryID?
    /// Nil for what is malformed.
    package let job: Job?
}

package enum CancelAnswer: Sendable, Equatable {
    case cancelled
    /// A handler works on it; try again when it has come back.
    case inHand
    case notFound
}

extension JobQueue {
    private static let pauseReasonBytesMax = 200
    /// How many entries of a stream `find` reads in one call of its script.
    private static let findPage = 2_000
    /// How many entries of a stream `find` reads at most.
    package static let findEntriesMax = 1_000_000

    /// Nobody takes jobs of these shards until `resume`; what is in hand goes on.
    package func pause(_ shards: [ShardID], reason: String) throws(RedisError) {
        let text = String(decoding: Array(reason.utf8.prefix(Self.pauseReasonBytesMax)), as: UTF8.self)
        _ = try each(shards) { RedisScriptCall(QueueScript.pause, keys: [keys(.paused, $0)], [.text(text)]) }
    }

    package func resume(_ shards: [ShardID]) throws(RedisError) {
        for reply in try connection.pipeline(shards.map { ["DEL", keys(.paused, $0)] }) {
            if case .error(let text) = reply { throw RedisError(.server, text, serverCode: RedisConnection.serverCode(text)) }
        }
    }

    package func stats(_ shards: [ShardID]) throws(RedisError) -> [QueueStats] {
        let replies = try each(shards) { shard in
            RedisScriptCall(QueueScript.stats, keys: QueueKeys.Part.allCases.map { keys($0, shard) })
        }
        var all: [QueueStats] = []
        for (shard, reply) in zip(shards, replies) {
            let values = try reply.arrayValue()
            guard values.count == 13 else { throw Self.unexpected("\(values.count) figures") }
            var stats = QueueStats(shard: shard)
            if case .bytes(let key) = values[12] {
                stats.refusal = "the key \(String(decoding: key, as: UTF8.self)) holds what is not ours"
            }
            let pending = Int(try values[1].integerValue())
            let released = Int(try values[2].integerValue())
            stats.pending = pending - released
            // An entry that was deleted while pending counts as pending only.
            stats.waiting = max(0, Int(try values[0].integerValue()) - stats.pending)
            stats.delayed = Int(try values[3].integerValue())
            stats.known = Int(try values[4].integerValue())
            stats.dead = Int(try values[5].integerValue())
            stats.nowMilliseconds = try values[6].integerValue()
            stats.oldestWaitingAtMilliseconds = try Self.milliseconds(values[7])
            stats.oldestPendingAtMilliseconds = try Self.milliseconds(values[8])
            if case .bytes(let due) = values[9] {
                stats.nextDueAtMilliseconds = Int64(String(decoding: due.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
            }
            if case .bytes(let reason) = values[10] { stats.pause = String(decoding: reason, as: UTF8.self) }
            stats.epoch = Self.marker(values[11])
            all.append(stats)
        }
        return all
    }

    private static func milliseconds(_ entry: RedisReply) throws(RedisError) -> Int64? {
        entry.isNull ? nil : Int64(clamping: try Self.entry(entry).milliseconds)
    }

    /// What to look at.
    package enum Inspected: String, Sendable { case waiting, inHand = "pending", delayed, dead }

    /// The first jobs of a shard, as they would be taken (waiting), by consumer (in hand), by due time (delayed) or by age (dead).
    ///
    /// - Parameter after: go on after this entry; for waiting and dead jobs.
    package func inspect(
        _ what: Inspected, of shard: ShardID, after: EntryID? = nil, count: Int
    ) throws(RedisError) -> [InspectedJob] {
        let reply = try connection.evaluate(
            RedisScriptCall(
                QueueScript.inspect,
                keys: [keys(.stream, shard), keys(.delayed, shard), keys(.known, shard), keys(.deadLetters, shard)],
                [
                    .text(what.rawValue), .text(after?.description ?? ""), .int(Int64(max(0, count))),
                    .int(Int64(JobRecord.bytesMax)),
                ]))
        let values = try reply.arrayValue()
        guard values.count % 4 == 0 else { throw Self.unexpected("\(values.count) values") }
        var jobs: [InspectedJob] = []
        for at in stride(from: 0, to: values.count, by: 4) {
            let entry = EntryID(try values[at].bytesValue())
            let number = try values[at + 2].integerValue()
            let place: JobPlace =
                switch what {
                case .waiting: .waiting
                case .inHand: .inHand(consumer: try Self.text(values[at + 1]), forMilliseconds: number)
                case .delayed: .delayed(dueAtMilliseconds: number)
                case .dead: .dead
                }
            let job = Job(kind: kind, shard: shard, entry: entry, record: try values[at + 3].bytesValue()[...])
            jobs.append(InspectedJob(place: place, entry: entry, job: job))
        }
        return jobs
    }

    private static func text(_ reply: RedisReply) throws(RedisError) -> String {
        String(decoding: try reply.bytesValue(), as: UTF8.self)
    }

    /// Looks for a job in the delayed ones and in the first `entriesMax` entries of the stream.
    package func find(
        _ id: JobID, in shard: ShardID, entriesMax: Int = JobQueue.findEntriesMax
    ) throws(RedisError) -> InspectedJob? {
        var after: RedisArgument = ""
        var looked = 0
        while looked < entriesMax {
            let reply = try connection.evaluate(
                RedisScriptCall(
                    QueueScript.find, keys: [keys(.stream, shard), keys(.delayed, shard), keys(.known, shard)],
                    [.text(id.text), after, .int(Int64(Self.findPage))]))
            let values = try reply.arrayValue()
            guard values.count == 6 else { throw Self.unexpected("\(values.count) values") }
            let record = values[4].isNull ? [] : try values[4].bytesValue()
            if !values[3].isNull {
                let job = Job(kind: kind, shard: shard, entry: nil, record: record[...])
                return InspectedJob(place: .delayed(dueAtMilliseconds: try values[3].integerValue()), entry: nil, job: job)
            }
            if !values[0].isNull {
                let entry = try Self.entry(values[0])
                let consumer = values[1].isNull ? ConsumerName.released : try Self.text(values[1])
                let place: JobPlace =
                    consumer == ConsumerName.released
                    ? .waiting : .inHand(consumer: consumer, forMilliseconds: try values[2].integerValue())
                return InspectedJob(
                    place: place, entry: entry, job: Job(kind: kind, shard: shard, entry: entry, record: record[...]))
            }
            guard !values[5].isNull else { return nil }
            after = .bytes(try values[5].bytesValue())
            looked += Self.findPage
        }
        return nil
    }

    /// Takes a job out of the queue, unless it is in hand. PostgreSQL is not told: a sweeper would add it again.
    package func cancel(_ id: JobID, in shard: ShardID) throws(RedisError) -> CancelAnswer {
        let found = try find(id, in: shard)
        let reply = try connection.evaluate(
            RedisScriptCall(
                QueueScript.cancel, keys: [keys(.stream, shard), keys(.delayed, shard), keys(.known, shard)],
                [.text(id.text), .text(found?.entry?.description ?? "")]))
        switch try Self.text(reply) {
        case "c": return .cancelled
        case "h": return .inHand
        default: return .notFound
        }
    }

    /// Throws dead letters away. Gives how many were there.
    @discardableResult
    package func discard(_ letters: [EntryID], of shard: ShardID) throws(RedisError) -> Int {
        guard !letters.isEmpty else { return 0 }
        return Int(
            try connection.command(["XDEL", keys(.deadLetters, shard)] + letters.map { .text($0.description) }).integerValue())
    }
}
