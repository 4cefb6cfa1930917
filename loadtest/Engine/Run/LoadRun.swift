import Core
import Glibc
import LoadPlan
import LoadRecord

/// One run of a scenario against a target, as one agent of several or alone.
///
/// The load is sent by a thread of its own; `run` waits for it on the calling one and is called back there.
package final class LoadRun: Sendable {
    /// What only the sending thread touches, given to it at its start.
    private struct Load: @unchecked Sendable {
        let times: any PlannedTimes
        let source: any RequestSource
        let observer: AnswerObserver?
    }

    private struct State {
        var load: Load?
        var isReady = false
        var failure: LoadSetUpError?
        var begin: MonotonicNanoseconds?
        var picture: RunRecord?
        var result: RunRecord?
        var aborts = 0
        var abortReason: String?
    }

    package let scenario: Scenario
    package let target: LoadTarget
    private let name: String
    private let agent: Int
    private let agents: Int
    private let endsEarly: Bool
    private let environment: RunEnvironment
    private let state: Monitor<State>
    private let aborts = AbortCount()

    /// From the order to begin to the first planned time.
    private static let leadNanoseconds: UInt64 = 5_000_000
    /// How long commands of events are waited for after the load.
    private static let eventsMilliseconds = 10_000

    /// - Parameters:
    ///   - times: the planned times of this agent, and of no other.
    ///   - agent: which of `agents`, from 0. Only the first one runs the scenario's events.
    ///   - endsEarly: ends the run as soon as an objective cannot be met any more.
    ///   - observer: called on the sending thread.
    package init(
        _ scenario: Scenario, times: sending any PlannedTimes, source: sending any RequestSource, target: LoadTarget,
        environment: RunEnvironment, agent: Int = 0, of agents: Int = 1, name: String = "local", endsEarly: Bool = false,
        observer: sending AnswerObserver? = nil
    ) {
        self.scenario = scenario
        self.target = target
        self.environment = environment
        self.agent = agent
        self.agents = agents
        self.name = name
        self.endsEarly = endsEarly
        state = Monitor(State(load: Load(times: times, source: source, observer: observer)))
    }

    /// A run as its scenario says.
    package convenience init(
        _ scenario: Scenario, _ maker: RequestMaker, target: LoadTarget, environment: RunEnvironment, agent: Int = 0,
        of agents: Int = 1, name: String = "local", endsEarly: Bool = false, observer: sending AnswerObserver? = nil
    ) {
        self.init(
            scenario, times: ArrivalClock(scenario, agent: agent, of: agents), source: maker, target: target,
            environment: environment, agent: agent, of: agents, name: name, endsEarly: endsEarly, observer: observer)
    }

    /// Opens all connections. Throws what a person has to mend first; nothing has been sent then.
    package func prepare() throws(LoadSetUpError) {
        let load = state.withLock { state in
            defer { state.load = nil }
            return state.load
        }
        guard let load else { return }
        guard DetachedThread.start({ [self] in send(load) }) else {
            throw LoadSetUpError(.resources, "no thread for sending: \(errorText(errno))")
        }
        let failure: LoadSetUpError?? = state.wait(until: .never) { state in
            if let failure = state.failure { return .some(failure) }
            return state.isReady ? .some(nil) : nil
        }
        if case .some(.some(let failure)) = failure { throw failure }
    }

    /// Runs the load to its end, drain included.
    /// - Parameters:
    ///   - begin: when the warm-up begins, on this host's monotonic clock; nil: at once.
    ///   - progress: called about once a second with what is known; the histograms of operations and shards are in the result only.
    package func run(
        begin: MonotonicNanoseconds? = nil, progress: (RunRecord) -> Void = { _ in }
    ) throws(LoadSetUpError) -> RunRecord {
        try prepare()
        let begin = begin ?? monotonicNow() + Self.leadNanoseconds
        let measured = begin + UInt64((scenario.warmUpSeconds * 1e9).rounded())
        let events = agent == 0 ? EventRunner(scenario.events, begin: measured) : nil
        events?.start()
        state.withLock { $0.begin = begin }
        while true {
            let (picture, result) = state.wait(until: .never) { state -> (RunRecord?, RunRecord?)? in
                defer { state.picture = nil }
                return state.picture == nil && state.result == nil ? nil : (state.picture, state.result)
            }.unsafelyUnwrapped
            if var result {
                result.aborted = state.withLock { $0.abortReason }
                result.events = events?.finish(milliseconds: Self.eventsMilliseconds) ?? []
                return result
            }
            guard var picture else { continue }
            picture.events = events?.records ?? []
            if endsEarly, let reason = EarlyEnd.reason(picture, scenario.objectives) { abort(reason) }
            progress(picture)
        }
    }

    /// Ends the load; what is under way is waited for. A second call ends at once. From any thread; not from a signal handler.
    package func abort(_ reason: String) {
        state.withLock { $0.abortReason = $0.abortReason ?? reason }
        aborts.add()
    }

    // MARK: The sending thread

    private func send(_ load: Load) {
        let sender: LoadSender
        do throws(LoadSetUpError) {
            let empty = RunRecord(scenario: scenario, environment: environment, startedAtMicroseconds: 0)
            let plan = SenderPlan(
                scenario, sliceSeconds: empty.sliceSeconds, closedInFlight: load.times.closedInFlight, agent: agent,
                agents: agents)
            sender = try LoadSender(plan, target, times: load.times, source: load.source, observer: load.observer)
            try sender.connect()
        } catch {
            state.withLock { $0.failure = error }
            return
        }
        state.withLock { $0.isReady = true }
        var begin: MonotonicNanoseconds?
        while begin == nil {
            sender.idle(until: monotonicNow() + 1_000_000)
            begin = state.withLock(wake: .nobody) { $0.begin }
            if begin == nil, aborts.order != .none { begin = monotonicNow() }
        }
        guard let begin else { return }
        sender.idle(until: begin)
        let shift = clockShift()
        sender.run(begin: begin, order: { aborts.order }) { _ in
            let picture = record(sender, begin: begin, withTimes: false)
            state.withLock { $0.picture = picture }
        }
        var result = record(sender, begin: begin, withTimes: true)
        result.invalid = RunValidity.reasons(
            scenario.limits, slipP99: sender.slipP99, cpuShare: sender.cpuShare, clockShift: clockShift() - shift)
        state.withLock { $0.result = result }
    }

    private func record(_ sender: LoadSender, begin: MonotonicNanoseconds, withTimes: Bool) -> RunRecord {
        let measured = Int64(bitPattern: begin &+ UInt64((scenario.warmUpSeconds * 1e9).rounded())) / 1000
        var record = RunRecord(
            scenario: scenario, environment: environment, startedAtMicroseconds: measured + clockShift())
        sender.write(to: &record, withTimes: withTimes)
        record.agents = [
            AgentRecord(
                name: name, cpuShare: sender.cpuShare, sent: sender.sent, connectionsLost: sender.losses, goAways: sender.goAways)
        ]
        return record
    }
}

/// The time of day less the monotonic clock, microseconds.
private func clockShift() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000 - Int64(bitPattern: monotonicNow()) / 1000
}
