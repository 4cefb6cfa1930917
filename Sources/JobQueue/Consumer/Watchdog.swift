import Core

/// The thread that ends calls that take too long. It touches no socket, and cancels on other threads, so nothing can hold it up.
struct Watchdog {
    let core: ConsumerCore
    let startLane: @Sendable (_ lane: Int, _ generation: Int) -> Bool

    private var lookEveryMilliseconds: Int {
        min(max(min(core.policy.handlerMilliseconds, core.policy.handlerGraceMilliseconds) / 4, 5), 250)
    }

    /// Until the consumer stops and no lane runs.
    func run() {
        let core = core
        while true {
            let hasEnded = core.state.wait(until: .after(milliseconds: lookEveryMilliseconds)) { state -> Bool? in
                state.phase == .stopping && !state.lanes.contains { $0.isRunning } ? true : nil
            }
            if hasEnded == true { break }
            let grace = UInt64(core.policy.handlerGraceMilliseconds) * 1_000_000
            let alarms = core.state.withLock { $0.alarms(now: monotonicNow(), graceNanoseconds: grace) }
            for alarm in alarms { act(on: alarm) }
        }
        core.state.withLock { $0.isWatching = false }
    }

    private func act(on alarm: ConsumerState.Alarm) {
        switch alarm {
        case .cancel(let lane, let generation, let cancel):
            let core = core
            let body: @Sendable () -> Void = {
                cancel()
                core.state.withLock { $0.cancelled(lane: lane, generation: generation) }
            }
            if !DetachedThread.start(body) { body() }
        case .replace(let lane, let generation, let lost, let jobs):
            core.counters.add { $0.lanesLost += 1 }
            core.report(.laneLost(lost, jobs: jobs))
            guard !startLane(lane, generation) else { return }
            core.state.withLock { $0.lanes[lane].isRunning = false }
            core.report(.laneNotReplaced(lane: lane))
        case .doNotReplace(let lane, let lost, let jobs):
            core.counters.add { $0.lanesLost += 1 }
            core.report(.laneLost(lost, jobs: jobs))
            core.report(.laneNotReplaced(lane: lane))
        }
    }
}
