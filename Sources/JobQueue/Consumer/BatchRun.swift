import Core

/// Has a handler do the jobs of one batch: together, and one by one if that fails.
struct BatchRun {
    let core: ConsumerCore
    let lane: Int
    let generation: Int
    let handler: any JobHandler
    /// Why the handler could not work, when it said so.
    private(set) var unavailable: String?

    init(_ core: ConsumerCore, lane: Int, generation: Int, _ handler: any JobHandler) {
        self.core = core
        self.lane = lane
        self.generation = generation
        self.handler = handler
    }

    private enum Trial {
        case outcomes([JobOutcome])
        case failed(JobCause, String)
        case unavailable(String)
        case laneLost
    }

    /// Notes what became of each job. False when the lane was given up in between.
    mutating func run(_ jobs: [Job], into settlement: inout Settlement) -> Bool {
        switch trial(jobs) {
        case .laneLost: return false
        case .outcomes(let outcomes): settlement.note(outcomes, of: jobs)
        case .unavailable(let reason):
            unavailable = reason
            for job in jobs { settlement.release(job) }
        case .failed(let cause, let error):
            if jobs.count == 1 {
                settlement.note(.retry(cause, error: error), of: jobs[0])
            } else {
                return runSingly(jobs, into: &settlement)
            }
        }
        return true
    }

    private mutating func runSingly(_ jobs: [Job], into settlement: inout Settlement) -> Bool {
        for (index, job) in jobs.enumerated() {
            if unavailable != nil || isStopping {
                for left in jobs[index...] { settlement.release(left) }
                return true
            }
            guard run([job], into: &settlement) else { return false }
        }
        return true
    }

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
        case .failure(let error as HandlerUnavailable): return .unavailable(error.description)
        // Cancelled because the consumer stops: no job is to blame.
        case .failure(let error) where call.wasCancelled && isStopping: return .unavailable("\(error)")
        case .failure(let error) where call.wasCancelled:
            return .failed(.timedOut, "over \(core.policy.handlerMilliseconds) ms: \(error)")
        case .failure(let error as JobFailure): return .failed(error.cause, error.description)
        case .failure(let error): return .failed(.handlerThrew, "\(error)")
        }
    }
}
