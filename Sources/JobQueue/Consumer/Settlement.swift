import Core
import RedisClient

/// What became of jobs and Redis does not know yet. Telling it twice does no harm.
struct Settlement {
    private var done: [Job] = []
    private var failed: [FailedJob] = []
    private var letters: [DeadLetter] = []
    /// Whether the sink has the letters already.
    private var areLettersKept = false
    private var released: [(ShardID, EntryID)] = []
    private var sinkHasFailed = false

    var isEmpty: Bool { count == 0 }
    var count: Int { done.count + failed.count + letters.count + released.count }

    mutating func note(_ outcomes: [JobOutcome], of jobs: [Job]) {
        let areDone = outcomes.allSatisfy { if case .done = $0 { true } else { false } }
        if areDone, done.isEmpty {
            done = jobs
        } else {
            for (job, outcome) in zip(jobs, outcomes) { note(outcome, of: job) }
        }
    }

    mutating func note(_ outcome: JobOutcome, of job: Job) {
        switch outcome {
        case .done: done.append(job)
        case .retry(let cause, let error): failed.append(FailedJob(job, cause: cause, error: error))
        case .postpone(let cause, let error): failed.append(FailedJob(job, cause: cause, error: error, isFailure: false))
        case .dead(let cause, let error): bury(job, cause: cause, error: error, failures: job.failures + 1)
        case .release: release(job)
        }
    }

    mutating func release(_ job: Job) {
        if let entry = job.entry { released.append((job.shard, entry)) }
    }

    mutating func bury(_ job: Job, cause: JobCause, error: String, failures: Int) {
        guard let entry = job.entry else { return }
        bury(DeadLetter(job, entry: entry, cause: cause, error: error, failures: failures))
    }

    mutating func bury(_ letter: DeadLetter) {
        letters.append(letter)
        areLettersKept = false
    }

    /// Whether letters were given back since the last call because the sink could not keep them.
    mutating func takeSinkFailure() -> Bool {
        defer { sinkHasFailed = false }
        return sinkHasFailed
    }

    /// Tells Redis, and the sink before it. Throws where Redis cannot be told; what it knows by then is not told again.
    ///
    /// - Returns: false when the lane was given up in between.
    mutating func settle(_ queue: JobQueue, _ core: ConsumerCore, lane: Int, generation: Int) throws(RedisError) -> Bool {
        if !done.isEmpty {
            let ended = try queue.done(done)
            let count = done.count
            core.counters.add { counts in
                counts.done += Int64(count)
                counts.lost += Int64(count - ended)
            }
            done = []
        }
        if !failed.isEmpty { try retry(queue, core) }
        if !letters.isEmpty {
            guard try bury(queue, core, lane: lane, generation: generation) else { return false }
        }
        if !released.isEmpty {
            let isReleased = try queue.release(released)
            core.counters.add { $0.released += Int64(isReleased.count { $0 }) }
            released = []
        }
        return true
    }

    private mutating func retry(_ queue: JobQueue, _ core: ConsumerCore) throws(RedisError) {
        var random = SystemRandomNumberGenerator()
        let epochs = core.state.withLock(wake: .nobody) { $0.shards }
        let answers = try queue.retry(failed, epochs: epochs, policy: core.policy, using: &random)
        var delayed = 0
        var postponed = 0
        var lost = 0
        for (one, answer) in zip(failed, answers) {
            switch answer {
            case .delayed where one.isFailure: delayed += 1
            case .delayed: postponed += 1
            case .lost: lost += 1
            case .stale: release(one.job)
            case .dead: bury(one.job, cause: one.cause, error: one.error, failures: one.job.failures + 1)
            }
        }
        let count = failed.count { $0.isFailure }
        core.counters.add { counts in
            counts.failed += Int64(count)
            counts.retried += Int64(delayed)
            counts.postponed += Int64(postponed)
            counts.lost += Int64(lost)
        }
        failed = []
    }

    private mutating func bury(_ queue: JobQueue, _ core: ConsumerCore, lane: Int, generation: Int) throws(RedisError) -> Bool {
        if !areLettersKept {
            let (sink, letters) = (core.sink, letters)
            // Watched, for its database may hang; there is no way to cancel it.
            let call = core.watched(lane: lane, generation: generation, cancel: {}) { _ in try sink.bury(letters) }
            guard let call else { return false }
            if case .failure(let error) = call.result {
                core.report(.sinkFailed("\(error)"))
                sinkHasFailed = true
                released += letters.map { ($0.shard, $0.entry) }
                self.letters = []
                return true
            }
            areLettersKept = true
        }
        let (isBuried, dropped) = try queue.bury(letters)
        let buried = isBuried.count { $0 }
        core.counters.add { counts in
            counts.dead += Int64(buried)
            counts.lost += Int64(isBuried.count - buried)
            counts.lettersDropped += Int64(dropped)
        }
        letters = []
        areLettersKept = false
        return true
    }
}
