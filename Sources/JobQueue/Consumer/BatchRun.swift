import Core

/// Has a handler do the jobs of one batch: together, and in ever smaller parts if that fails.
struct BatchRun {
    let core: ConsumerCore
    let lane: Int
    let generation: Int
    let handler: any JobHandler
    /// Why the handler could not work, when it said so.
    private(set) var unavailable: String?
    /// Whether the rest was given back since a shard has left: whoever is to have it waits for one call at most.
    private(set) var hasYielded = false
    /// Whether it gave jobs back as they were.
    private(set) var hasReleased = false
    /// How often something was in the way of some jobs.
    private var obstructions = 0

    /// How many parts are made of jobs of which one fails: fewest calls, which end soon.
    private static let partsAfterFailure = 2
    /// … of which something is in the way of one: fewest calls that wait in vain.
    private static let partsAfterObstruction = 8
    /// So many calls of one batch may wait in vain: enough to find one job among 4,000, and not the whole lane's time when all have to wait.
    static let obstructionsMax = 8

    init(_ core: ConsumerCore, lane: Int, generation: Int, _ handler: any JobHandler) {
        self.core = core
        self.lane = lane
        self.generation = generation
        self.handler = handler
    }

    private enum Trial {
        case outcomes([JobOutcome])
        case failed(JobCause, String)
        case obstructed(String)
        case unavailable(String)
        case laneLost
    }

    /// Notes what became of each job of these groups, none of which shares a call with another. False when the lane was given up in between.
    mutating func run(_ groups: [[Job]], into settlement: inout Settlement) -> Bool {
        // The first is the last, so that jobs go in their order.
        var parts = Array(groups.reversed())
        var isFirst = true
        while let jobs = parts.popLast() {
            if !isFirst, unavailable == nil, hasLostAShard { hasYielded = true }
            if unavailable != nil || hasYielded || (!isFirst && isStopping) {
                for job in jobs { settlement.release(job) }
                continue
            }
            isFirst = false
            switch trial(jobs) {
            case .laneLost: return false
            case .outcomes(let outcomes):
                hasReleased = hasReleased || outcomes.contains { if case .release = $0 { true } else { false } }
                settlement.note(outcomes, of: jobs)
            case .unavailable(let reason):
                unavailable = reason
                for job in jobs { settlement.release(job) }
            case .failed(let cause, let error) where jobs.count == 1: settlement.note(.retry(cause, error: error), of: jobs[0])
            case .failed: parts += Self.split(jobs, into: Self.partsAfterFailure).reversed()
            case .obstructed(let reason):
                obstructions += 1
                if obstructions >= Self.obstructionsMax { unavailable = reason }
                if jobs.count == 1 {
                    settlement.note(.postpone(.blocked, error: reason), of: jobs[0])
                } else {
                    parts += Self.split(jobs, into: Self.partsAfterObstruction).reversed()
                }
            }
        }
        return true
    }

    static func split(_ jobs: [Job], into count: Int) -> [[Job]] {
        let size = (jobs.count + count - 1) / count
        return stride(from: 0, to: jobs.count, by: size).map { Array(jobs[$0..<min($0 + size, jobs.count)]) }
    }

    private var hasLostAShard: Bool { core.state.withLock(wake: .nobody) { $0.hasLostAShard(lane: lane) } }

    private var isStopping: Bool { core.state.withLock(wake: .nobody) { $0.phase == .stopping } }

    private func trial(_ jobs: [Job]) -> Trial {
        let handler = handler
        let call = core.watched(lane: lane, generation: generation, cancel: { handler.cancel() }) { deadline in
            try handler.handle(jobs, deadline: deadline)
        }
        guard let call else { return .laneLost }
        core.counters.add { counts in
            counts.calls += 1
            counts.handlerNanoseconds += Int64(clamping: call.nanoseconds)
        }
        switch call.result {
        case .success(let outcomes) where outcomes.count == jobs.count: return .outcomes(outcomes)
        case .success(let outcomes):
            return .failed(.handlerThrew, "the handler gave \(outcomes.count) outcomes for \(jobs.count) jobs")
        // Cancelled because the consumer stops: no job is to blame.
        case .failure(let error) where call.wasCancelled && isStopping: return .unavailable("\(error)")
        case .failure(let error as HandlerUnavailable):
            return error.reach == .someJobs ? .obstructed(error.description) : .unavailable(error.description)
        case .failure(let error) where call.wasCancelled:
            return .failed(.timedOut, "over \(core.policy.handlerMilliseconds) ms: \(error)")
        case .failure(let error as JobFailure): return .failed(error.cause, error.description)
        case .failure(let error): return .failed(.handlerThrew, "\(error)")
        }
    }
}
