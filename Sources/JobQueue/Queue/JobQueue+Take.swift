import Core
import RedisClient

/// What a `take` may give.
package struct TakeLimits: Sendable {
    /// Jobs of one shard, and of all.
    package var perShardMax: Int
    package var jobsMax: Int
    /// How long to wait in Redis when there is nothing; 0 not at all.
    package var blockMilliseconds: Int
    /// What was released before is looked at, and in which company.
    package var released = Released.none
    /// Jobs that have been in a crash come in groups of at most so many.
    package var suspectsMax = 16

    package enum Released: String, Sendable {
        /// Not looked at.
        case none
        /// Only jobs that have never been in a crash.
        case clean
        /// Suspects too; a batch has either clean jobs or suspects of one count of crashes, which is alone from two crashes on.
        case any
    }

    package init(perShardMax: Int, jobsMax: Int, blockMilliseconds: Int = 0) {
        self.perShardMax = perShardMax
        self.jobsMax = jobsMax
        self.blockMilliseconds = blockMilliseconds
    }
}

/// Jobs that are in this consumer's hand now, and what was learned on the way.
package struct TakenJobs: Sendable {
    package var jobs: [Job] = []
    package var malformed: [MalformedEntry] = []
    /// Shards that were not taken from because their queue is paused …
    package var paused: [ShardID] = []
    /// … because a newer owner has marked them …
    package var stale: [ShardID] = []
    /// … because their stream's key holds something else.
    package var broken: [ShardID] = []
    /// Shards that were taken from, but have no epoch marker: Redis was wiped, or they have never been marked.
    package var wiped: [ShardID] = []
    /// Whether some of them had been released before: there may be more.
    package var hasReleased = false

    package var isEmpty: Bool { jobs.isEmpty && malformed.isEmpty }
}

extension JobQueue {
    /// How many bytes of records one take gathers before it stops.
    static let takeBytesMax = 8 * 1024 * 1024

    /// Takes jobs into this consumer's hand, from the first shards first: whoever calls again and again turns the list round.
    ///
    /// Groups that are missing are created from the beginning of their streams. Suspects among new jobs are not kept apart: see
    /// `TakeLimits.Released`.
    package func take(_ shards: [OwnedShard], _ limits: TakeLimits) throws(RedisError) -> TakenJobs {
        guard !shards.isEmpty else { return TakenJobs() }
        let taken = try takeNow(shards, limits)
        guard taken.isEmpty, limits.blockMilliseconds > 0 else { return taken }
        let unfit = Set(taken.paused + taken.stale + taken.broken)
        let open = shards.filter { !unfit.contains($0.shard) }
        guard !open.isEmpty else { return taken }
        return try takeBlocking(open, limits, after: taken)
    }

    private func takeNow(_ shards: [OwnedShard], _ limits: TakeLimits) throws(RedisError) -> TakenJobs {
        commands.removeAll()
        commands.begin(QueueScript.take, keys: shards.count * 3, arguments: 7 + shards.count)
        for owned in shards {
            keys.append(.stream, owned.shard, to: commands)
            keys.append(.paused, owned.shard, to: commands)
            keys.append(.epoch, owned.shard, to: commands)
        }
        commands.append(text: consumer.text)
        commands.append(text: limits.released.rawValue)
        for number in [limits.perShardMax, limits.jobsMax, Self.takeBytesMax, limits.suspectsMax, JobRecord.bytesMax] {
            commands.append(number)
        }
        for owned in shards { commands.append(Int(owned.epoch.rawValue)) }
        let replies = try connection.exchange(commands, loading: QueueScript.take)
        let root = replies.roots[0]
        if let error = replies.error(root) { throw RedisError(.server, error, serverCode: RedisConnection.serverCode(error)) }
        guard let count = replies.count(root), count % 3 == 1, let letters = replies.range(root + 1),
            letters.count == shards.count + 1
        else { throw Self.unexpected("what is no batch") }
        var taken = TakenJobs()
        for (owned, letter) in zip(shards, replies.bytes[letters]) {
            switch letter {
            case UInt8(ascii: "p"): taken.paused.append(owned.shard)
            case UInt8(ascii: "s"): taken.stale.append(owned.shard)
            case UInt8(ascii: "x"): taken.broken.append(owned.shard)
            case UInt8(ascii: "w"): taken.wiped.append(owned.shard)
            default: break
            }
        }
        taken.hasReleased = replies.bytes[letters].last == UInt8(ascii: "r")
        taken.jobs.reserveCapacity(count / 3)
        // All elements are plain values, so that they follow each other.
        var place = root + 2
        for _ in 0..<(count / 3) {
            guard let number = replies.integer(place), (1...shards.count).contains(number), let record = replies.range(place + 2)
            else {
                throw Self.unexpected("an unknown shard")
            }
            append(shards[number - 1].shard, try Self.entry(replies, place + 1), replies.bytes[record], to: &taken)
            place += 3
        }
        return taken
    }

    private func append(_ shard: ShardID, _ entry: EntryID, _ record: ArraySlice<UInt8>, to taken: inout TakenJobs) {
        if let job = Job(kind: kind, shard: shard, entry: entry, record: record) {
            taken.jobs.append(job)
        } else {
            taken.malformed.append(
                MalformedEntry(shard: shard, entry: entry, bytes: Array(record.prefix(MalformedEntry.bytesMax))))
        }
    }

    /// Waits for the first job. Redis cannot look at pause and epoch while it waits, so both are read after it, before anybody sees the jobs:
    /// those of shards that must not be taken from are released.
    private func takeBlocking(
        _ shards: [OwnedShard], _ limits: TakeLimits, after looked: TakenJobs
    ) throws(RedisError) -> TakenJobs {
        let read: [RedisArgument] =
            [
                "XREADGROUP", "GROUP", .text(QueueKeys.group), .text(consumer.text), "COUNT", "1", "BLOCK",
                .int(Int64(limits.blockMilliseconds)), "STREAMS",
            ] + shards.map { keys(.stream, $0.shard) } + shards.map { _ in ">" }
        let states: [RedisArgument] = ["MGET"] + shards.flatMap { [keys(.paused, $0.shard), keys(.epoch, $0.shard)] }
        let replies = try connection.pipeline(
            [read, states], timeoutMilliseconds: limits.blockMilliseconds + connection.configuration.commandTimeoutMilliseconds)
        // A group that is gone, for one: the next take creates it.
        guard case .array(let streams) = replies[0], case .array(let values) = replies[1] else { return looked }
        guard values.count == shards.count * 2 else { throw Self.unexpected("\(values.count) states") }
        var taken = looked
        var refused: [(ShardID, EntryID)] = []
        let places = Dictionary(
            shards.enumerated().map { (Array(keys.text(.stream, $0.element.shard).utf8), $0.offset) },
            uniquingKeysWith: { first, _ in first })
        for stream in streams {
            let pair = try stream.arrayValue()
            guard pair.count == 2, let place = places[try pair[0].bytesValue()] else {
                throw Self.unexpected("an unknown stream")
            }
            let owned = shards[place]
            let isPaused = !values[place * 2].isNull
            let isStale = Self.marker(values[place * 2 + 1]).map { $0 > owned.epoch } ?? false
            for element in try pair[1].arrayValue() {
                let parts = try element.arrayValue()
                guard parts.count == 2 else { throw Self.unexpected("half an entry") }
                let entry = try Self.entry(parts[0])
                if isPaused || isStale {
                    refused.append((owned.shard, entry))
                } else {
                    let fields = try parts[1].arrayValue()
                    let isOurs = fields.count == 2 && fields[0] == .bytes([UInt8(ascii: "j")])
                    append(owned.shard, entry, isOurs ? try fields[1].bytesValue()[...] : [], to: &taken)
                }
            }
            if isPaused { taken.paused.append(owned.shard) }
            if isStale { taken.stale.append(owned.shard) }
        }
        if !refused.isEmpty { _ = try release(refused) }
        guard !taken.isEmpty, taken.jobs.count < limits.jobsMax else { return taken }
        // Whoever added the job that woke us has mostly added more.
        var rest = limits
        rest.jobsMax -= taken.jobs.count
        rest.released = .none
        let more = try takeNow(shards, rest)
        taken.jobs += more.jobs
        taken.malformed += more.malformed
        return taken
    }
}
