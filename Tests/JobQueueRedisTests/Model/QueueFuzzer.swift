import Core
import JobQueue
import RedisClient
import TestServers

/// Random steps of several consumers, on Redis and on the model.
struct QueueFuzzer {
    struct Finding: Error, CustomStringConvertible {
        let description: String
    }

    /// Always the longest backoff, so that the model knows what is due.
    private struct Greatest: RandomNumberGenerator {
        mutating func next() -> UInt64 { .max }
    }

    static let ids = 12
    private static let soonMilliseconds = 1
    private static let lateMilliseconds = 86_400_000

    let raw: RedisConnection
    var queues: [JobQueue]
    let shards: [ShardID]
    var models: [QueueModel]
    var random: SeededGenerator
    /// Jobs and letters that consumers have been given, also those they have no more.
    private var given: [[Job]]
    private var garbage: [[MalformedEntry]]
    private var nextTag: UInt8 = 0
    var step = ""

    init(redis: PrivateRedis, seed: UInt64) throws {
        raw = try redis.connect()
        queues = try (0..<3).map { _ in JobQueue(.commission, on: try redis.connect()) }
        shards = [ShardID(1), ShardID(2)]
        models = shards.map { _ in QueueModel() }
        random = SeededGenerator(seed: seed)
        given = queues.map { _ in [] }
        garbage = queues.map { _ in [] }
    }

    mutating func run(steps: Int) throws {
        for number in 0..<steps {
            do {
                try takeStep()
                for index in shards.indices {
                    if let difference = try QueueState(of: shards[index], on: raw).difference(from: &models[index]) {
                        throw Finding(description: "shard \(shards[index]): \(difference)")
                    }
                    try compareStats(index)
                }
            } catch {
                throw Finding(description: "step \(number), \(step): \(error)")
            }
        }
    }

    mutating func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func chance(_ percent: Int) -> Bool { pick(0..<100) < percent }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw Finding(description: what()) }
    }

    private mutating func takeStep() throws {
        let consumer = pick(0..<queues.count)
        let shard = pick(0..<shards.count)
        switch pick(0..<100) {
        case 0..<16: try add(shard)
        case 16..<20: try sweepAdd(shard)
        case 20..<44: try take(consumer)
        case 44..<54: try done(consumer)
        case 54..<62: try retry(consumer)
        case 62..<67: try bury(consumer)
        case 67..<72: try release(consumer)
        case 72..<74: try releaseOwn(consumer)
        case 74..<77: try promote(shard)
        case 77..<79: try recover(shard)
        case 79..<84: try takeOver(consumer)
        case 84..<87: try pause(shard)
        case 87..<90: try cancel(shard)
        case 90..<92: try mark(shard)
        case 92..<94: try forget(consumer, shard)
        case 94..<96: try deadLetters(shard)
        case 96: try addGarbage(shard)
        case 97..<99: try touch(shard)
        default: try wipe()
        }
    }

    private mutating func makeJob(_ shard: Int) throws -> (NewJob, QueueModel.Content) {
        nextTag = nextTag &+ 1 == 255 ? 0 : nextTag &+ 1
        let id = Int64(pick(0..<Self.ids))
        let job = try NewJob(JobID(id), shard: shards[shard], payload: [nextTag], enqueuedAtMilliseconds: 0)
        return (job, QueueModel.Content(id: "\(id)", tag: nextTag))
    }

    mutating func add(_ shard: Int) throws {
        step = "add"
        let jobs = try (0..<(1 + pick(0..<8))).map { _ in try makeJob(shard) }
        try expect(try queues[0].add(jobs.map(\.0)).allSatisfy { $0 == .added }, "not added")
        for job in jobs { models[shard].append(job.1) }
    }

    private mutating func sweepAdd(_ shard: Int) throws {
        step = "sweepAdd"
        let jobs = try (0..<3).map { _ in try makeJob(shard) }
        let answers = try queues[0].sweepAdd(jobs.map(\.0))
        for (job, answer) in zip(jobs, answers) {
            let isAdded = models[shard].sweepAdd(job.1)
            try expect(answer == (isAdded ? .added : nil), "\(job.0.id): \(String(describing: answer))")
        }
    }

    private mutating func take(_ consumer: Int) throws {
        let epoch = Int64(pick(1..<4))
        var limits = TakeLimits(perShardMax: 1 + pick(0..<6), jobsMax: 1 + pick(0..<8))
        limits.released = [.none, .clean, .any][pick(0..<3)]
        limits.suspectsMax = 2
        limits.blockMilliseconds = chance(5) ? 1 : 0
        step = "take \(limits) at \(epoch) by \(consumer)"
        let name = queues[consumer].consumer.text
        let taken = try queues[consumer].take(shards.map { OwnedShard($0, Epoch(epoch)) }, limits)
        var classes: Set<Int> = []
        var hasReleased = false
        var counts = [0, 0]
        for (shard, id) in shards.enumerated() {
            let model = models[shard]
            let isStale = (model.epoch ?? 0) > epoch
            try expect(taken.paused.contains(id) == model.isPaused, "paused \(id)")
            try expect(taken.stale.contains(id) == (isStale && !model.isPaused), "stale \(id)")
            try expect(taken.wiped.contains(id) == (model.epoch == nil && !model.isPaused), "wiped \(id)")
            let places =
                taken.jobs.filter { $0.shard == id }.compactMap(\.entry) + taken.malformed.filter { $0.shard == id }.map(\.entry)
            if model.isPaused || isStale {
                try expect(places.isEmpty, "taken from \(id)")
                continue
            }
            let released = places.filter { models[shard].holders[$0] == .released }
            let fresh = places.filter { !released.contains($0) }.sorted()
            try expect(limits.released != .none || released.isEmpty, "released ones")
            for place in released { classes.insert(model.entry(place)?.content.crashes ?? -1) }
            hasReleased = hasReleased || !released.isEmpty
            try expect(fresh == model.fresh.prefix(fresh.count).compactMap(\.place), "not the first ones of \(id)")
            try expect(fresh.count <= limits.perShardMax, "more than \(limits.perShardMax) of a shard")
            counts[shard] = fresh.count
            for place in places { models[shard].holders[place] = .consumer(name) }
            if let last = fresh.last { models[shard].delivered = last }
        }
        for job in taken.jobs {
            let content = models[shards.firstIndex(of: job.shard) ?? 0].entry(job.entry ?? EntryID(milliseconds: 0, sequence: 0))?
                .content
            try expect(content == Self.content(job), "\(Self.content(job)) instead of \(String(describing: content))")
        }
        let total = taken.jobs.count + taken.malformed.count
        try expect(total <= limits.jobsMax, "\(total) jobs")
        try expect(classes.count <= 1, "suspects beside others: \(classes)")
        if let crashes = classes.first, crashes > 0 {
            try expect(limits.released == .any && counts == [0, 0], "suspects with others")
            try expect(total <= (crashes == 1 ? 2 : 1), "\(total) suspects")
        } else if total < limits.jobsMax {
            for shard in shards.indices {
                let model = models[shard]
                if model.isPaused || (model.epoch ?? 0) > epoch { continue }
                try expect(counts[shard] == limits.perShardMax || model.fresh.isEmpty, "too few of \(shards[shard])")
                let left = model.released.contains { $0.content.crashes == 0 || limits.released == .any }
                try expect(limits.released == .none || hasReleased || !left, "released ones are left")
                models[shard].hasGroup = true
            }
        }
        // Groups are made where they are needed; the model takes Redis' word for that alone.
        for (shard, id) in shards.enumerated() { models[shard].hasGroup = try QueueState(of: id, on: raw).hasGroup }
        given[consumer] = Array((given[consumer] + taken.jobs).suffix(30))
        garbage[consumer] += taken.malformed
    }

    private static func content(_ job: Job) -> QueueModel.Content {
        QueueModel.Content(
            id: job.id.text, failures: job.failures, crashes: job.crashes, postponements: job.postponements,
            tag: job.payload.first ?? 0)
    }

    private mutating func some(_ consumer: Int) -> [Job] {
        let count = pick(0..<6)
        let picked = given[consumer].shuffled(using: &random).prefix(count)
        return Array(picked)
    }

    private func model(_ job: Job) -> Int { shards.firstIndex(of: job.shard) ?? 0 }

    mutating func done(_ consumer: Int) throws {
        let jobs = some(consumer)
        step = "done by \(consumer): \(jobs.map { "\($0.id) at \($0.entry.map(String.init(describing:)) ?? "")" })"
        let ended = try queues[consumer].done(jobs)
        var expected = 0
        for job in jobs.filter({ Self.content($0).isKnown }) + jobs.filter({ !Self.content($0).isKnown }) {
            guard let place = job.entry else { continue }
            if models[model(job)].entry(place) != nil { expected += 1 }
            models[model(job)].done(place, job: Self.content(job))
        }
        try expect(ended == expected, "\(ended) ended instead of \(expected)")
    }

    mutating func retry(_ consumer: Int) throws {
        let isSoon = chance(50)
        let epoch = Int64(pick(1..<4))
        let isFailure = chance(60)
        step = "\(isFailure ? "retry" : "postpone") by \(consumer) at \(epoch)"
        var policy = JobPolicy()
        policy.failuresMax = 3
        policy.crashesMax = 250
        policy.backoffBaseMilliseconds = isSoon ? Self.soonMilliseconds : Self.lateMilliseconds
        policy.backoffCapMilliseconds = policy.backoffBaseMilliseconds
        policy.postponementCapMilliseconds = policy.backoffBaseMilliseconds
        let jobs = some(consumer)
        var greatest = Greatest()
        let answers = try queues[consumer].retry(
            jobs.map { FailedJob($0, cause: .timedOut, error: "e", isFailure: isFailure) },
            epochs: Dictionary(shards.map { ($0, Epoch(epoch)) }, uniquingKeysWith: max), policy: policy, using: &greatest)
        for (job, answer) in zip(jobs, answers) {
            guard let place = job.entry else { continue }
            let at = model(job)
            if isFailure, job.failures >= 3 {
                try expect(answer == .dead, "\(answer) instead of dead")
            } else if (models[at].epoch ?? 0) > epoch {
                try expect(answer == .stale, "\(answer) instead of stale")
            } else if !models[at].isHeld(place, by: queues[consumer].consumer.text) {
                try expect(answer == .lost, "\(answer) instead of lost")
            } else {
                try expect(answer == .delayed(policy.backoffCapMilliseconds), "\(answer)")
                models[at].retry(place, consumer: queues[consumer].consumer.text, isSoon: isSoon, isFailure: isFailure)
            }
        }
    }

    mutating func bury(_ consumer: Int) throws {
        step = "bury by \(consumer)"
        let letters =
            some(consumer).compactMap { job in
                job.entry.map { DeadLetter(job, entry: $0, cause: .crashed, error: "", failures: job.failures + 1) }
            } + garbage[consumer].suffix(2).map { DeadLetter($0, kind: .commission) }
        let isBuried = try queues[consumer].bury(letters).isBuried
        for (letter, isBuried) in zip(letters, isBuried) {
            let at = shards.firstIndex(of: letter.shard) ?? 0
            let isHeld = models[at].isHeld(letter.entry, by: queues[consumer].consumer.text)
            try expect(isBuried == isHeld, "\(letter.id) at \(letter.entry)")
            models[at].bury(letter.entry, consumer: queues[consumer].consumer.text, failures: letter.failures)
        }
    }

    mutating func release(_ consumer: Int) throws {
        step = "release or renew by \(consumer)"
        let isRelease = chance(70)
        let jobs = some(consumer)
        let places = jobs.compactMap { job in job.entry.map { (job.shard, $0) } }
        let name = queues[consumer].consumer
        let isMine = try isRelease ? queues[consumer].release(jobs) : queues[consumer].renew(places, of: name)
        for (job, isMine) in zip(jobs, isMine) {
            guard let place = job.entry else { continue }
            try expect(isMine == models[model(job)].isHeld(place, by: name.text), "\(job.id) at \(place)")
            if isMine, isRelease { models[model(job)].holders[place] = .released }
        }
    }

    mutating func releaseOwn(_ consumer: Int) throws {
        step = "releaseOwn by \(consumer)"
        var expected = 0
        for shard in shards.indices {
            for entry in models[shard].held(by: queues[consumer].consumer.text) {
                guard let place = entry.place else { continue }
                models[shard].holders[place] = .released
                expected += 1
            }
        }
        let count = try queues[consumer].releaseOwn(shards)
        try expect(count == expected, "\(count) instead of \(expected)")
    }

    private mutating func promote(_ shard: Int) throws {
        let soonOnly = chance(50)
        step = "promote \(soonOnly ? "soon" : "all")"
        let ahead = soonOnly ? Self.lateMilliseconds / 2 : Self.lateMilliseconds * 2
        let count = try queues[0].promoteDue([shards[shard]], aheadMilliseconds: ahead)
        let expected = models[shard].promote(soonOnly: soonOnly)
        try expect(count == expected, "\(count) instead of \(expected)")
    }

    private mutating func recover(_ shard: Int) throws {
        step = "recover"
        let count = try queues[0].recoverStrays([shards[shard]])
        let expected = models[shard].recover()
        try expect(count == expected, "\(count) instead of \(expected)")
    }

    mutating func takeOver(_ consumer: Int) throws {
        let epoch = Int64(pick(1..<4))
        let isIdle = chance(50)
        var living: [ConsumerName] = []
        var lost: [ConsumerName] = []
        for queue in queues {
            switch pick(0..<3) {
            case 0: living.append(queue.consumer)
            case 1: lost.append(queue.consumer)
            default: break
            }
        }
        step = "takeOver at \(epoch), idle \(isIdle), living \(living), lost \(lost)"
        let answer = try queues[consumer].takeOver(
            shards.map { OwnedShard($0, Epoch(epoch)) },
            Takeover(living: living, lost: lost, idleMilliseconds: isIdle ? 0 : Self.lateMilliseconds))
        var expected = TakeoverAnswer()
        for (shard, id) in shards.enumerated() {
            if (models[shard].epoch ?? 0) > epoch {
                expected.stale.append(id)
                continue
            }
            let from = queues.map(\.consumer).filter { !living.contains($0) && (isIdle || lost.contains($0)) }
            expected.taken += models[shard].takeOver(from: from.map(\.text))
        }
        try expect(answer == expected, "\(answer) instead of \(expected)")
    }

    private mutating func pause(_ shard: Int) throws {
        step = "pause or resume"
        models[shard].isPaused = chance(40)
        if models[shard].isPaused {
            try queues[0].pause([shards[shard]], reason: "test")
        } else {
            try queues[0].resume([shards[shard]])
        }
    }

    private mutating func cancel(_ shard: Int) throws {
        let id = JobID(Int64(pick(0..<Self.ids)))
        step = "cancel \(id)"
        let found = try queues[0].find(id, in: shards[shard])
        let isThere = models[shard].delayed[id.text] != nil || models[shard].entries.contains { $0.content.id == id.text }
        try expect((found != nil) == isThere, "found \(found != nil)")
        let answer = try queues[0].cancel(id, in: shards[shard])
        let expected = models[shard].cancel(id.text)
        try expect(answer == expected, "\(answer) instead of \(expected)")
    }

    private mutating func mark(_ shard: Int) throws {
        let epoch = Int64(pick(1..<4))
        let owned = OwnedShard(shards[shard], Epoch(epoch))
        switch pick(0..<10) {
        case 0..<7:
            let isMark = chance(50)
            step = "epoch \(epoch), \(isMark ? "marked" : "raised")"
            let answer = try isMark ? queues[0].markEpoch(owned) : queues[0].raiseEpochs([owned])[0]
            switch models[shard].epoch {
            case nil:
                try expect(answer == (isMark ? .raised : .missing), "\(answer)")
                if isMark { models[shard].epoch = epoch }
            case let marker?:
                try expect(
                    answer == (marker > epoch ? .stale(Epoch(marker)) : marker == epoch ? .unchanged : .raised), "\(answer)")
                models[shard].epoch = max(marker, epoch)
            }
        case 7, 8:
            let seen = Int64(pick(1..<4))
            step = "epoch \(epoch), reset from \(seen)"
            let isReset = models[shard].epoch == seen
            try expect(try queues[0].resetEpochs([(owned, Epoch(seen))]) == (isReset ? [owned] : []), "reset")
            if isReset { models[shard].epoch = epoch }
        default: try scribbleMarker(shard)
        }
    }

    /// A consumer that is removed has nothing in hand, so that the state stays as it is.
    private mutating func forget(_ consumer: Int, _ shard: Int) throws {
        step = "forget"
        if chance(50) {
            try queues[0].forgetConsumers(shards, idleMilliseconds: 0, keeping: [])
        } else {
            try queues[0].removeConsumer(queues[consumer].consumer, from: [shards[shard]])
        }
    }

    private func compareStats(_ shard: Int) throws {
        let stats = try queues[0].stats([shards[shard]])[0]
        let model = models[shard]
        let inHand = model.holders.values.count { $0 != .released }
        try expect(stats.pending == inHand, "stats: \(stats.pending) pending instead of \(inHand)")
        try expect(stats.waiting == model.entries.count - inHand, "stats: \(stats.waiting) waiting")
        try expect(stats.delayed == model.delayed.count && stats.known == model.known.count, "stats: delayed or known")
        try expect(stats.dead == model.dead.count, "stats: \(stats.dead) dead")
        let first = (model.released + model.fresh).compactMap(\.place).min().map { Int64($0.milliseconds) }
        let firstReleased = model.released.compactMap(\.place).min().map { Int64($0.milliseconds) }
        try expect(stats.oldestWaitingAtMilliseconds == firstReleased ?? first, "stats: the oldest waiting")
        let firstHeld = model.holders.filter { $0.value != .released }.keys.min().map { Int64($0.milliseconds) }
        try expect(stats.oldestPendingAtMilliseconds == firstHeld, "stats: the oldest pending")
        let waiting = try queues[0].inspect(.waiting, of: shards[shard], count: 1_000).map(\.entry)
        try expect(waiting == (model.released + model.fresh).map(\.place), "inspect: waiting")
    }
}
