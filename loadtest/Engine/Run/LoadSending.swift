import Core
import Glibc
import LoadPlan
import LoadRecord

/// One agent's part of a run: what it sends, where to, and who it is.
///
/// @unchecked: `times`, `source` and `observer` are the sending thread's alone from its start on.
struct RunPart: @unchecked Sendable {
    let scenario: Scenario
    let target: LoadTarget
    let environment: RunEnvironment
    let agent: Int
    let agents: Int
    let name: String
    let times: any PlannedTimes
    let source: any RequestSource
    let observer: AnswerObserver?
}

/// A run's sending thread, as other threads see it: they start it, tell it when to begin and when to stop, and get its news.
final class LoadSending: Sendable {
    enum News {
        /// What is known so far, about once a second.
        case picture(RunRecord)
        /// The run is over.
        case result(RunRecord)
    }

    private struct State {
        var isReady = false
        var failure: LoadSetUpError?
        var begin: MonotonicNanoseconds?
        var picture: RunRecord?
        var result: RunRecord?
        var abortReason: String?
    }

    private let part: RunPart
    private let state = Monitor(State())
    private let aborts = AbortCount()

    init(_ part: RunPart) { self.part = part }

    var warmUpNanoseconds: UInt64 { UInt64((part.scenario.warmUpSeconds * 1e9).rounded()) }

    /// Starts the thread, and returns when its connections are open.
    func start() throws(LoadSetUpError) {
        guard DetachedThread.start({ [self] in send() }) else {
            throw LoadSetUpError(.resources, "no thread for sending: \(errorText(errno))")
        }
        let failure: LoadSetUpError?? = state.wait(until: .never) { state in
            if let failure = state.failure { return .some(failure) }
            return state.isReady ? .some(nil) : nil
        }
        if case .some(.some(let failure)) = failure { throw failure }
    }

    /// - Parameter moment: when the warm-up begins.
    func begin(_ moment: MonotonicNanoseconds) { state.withLock { $0.begin = moment } }

    /// Waits for what the thread has to tell.
    func nextNews() -> News {
        state.wait(until: .never) { state -> News? in
            if var result = state.result {
                result.aborted = state.abortReason
                return .result(result)
            }
            defer { state.picture = nil }
            return state.picture.map { .picture($0) }
        }.unsafelyUnwrapped
    }

    var isToEndAtOnce: Bool { aborts.order == .now }

    func abort(_ reason: String) {
        state.withLock { $0.abortReason = $0.abortReason ?? reason }
        aborts.add()
    }

    // MARK: The sending thread

    private func send() {
        let sender: LoadSender
        do throws(LoadSetUpError) {
            let empty = RunRecord(scenario: part.scenario, environment: part.environment, startedAtMicroseconds: 0)
            let plan = SenderPlan(
                part.scenario, sliceSeconds: empty.sliceSeconds, closedInFlight: part.times.closedInFlight, agent: part.agent,
                agents: part.agents)
            sender = try LoadSender(plan, part.target, times: part.times, source: part.source, observer: part.observer)
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
        result.agents[0].slipP99Microseconds = sender.slipP99
        result.invalid = RunValidity.reasons(
            part.scenario.limits, slipP99: sender.slipP99, cpuShare: sender.cpuShare, clockShift: clockShift() - shift)
        state.withLock { $0.result = result }
    }

    private func record(_ sender: LoadSender, begin: MonotonicNanoseconds, withTimes: Bool) -> RunRecord {
        let measured = Int64(bitPattern: begin &+ UInt64((part.scenario.warmUpSeconds * 1e9).rounded())) / 1000
        var record = RunRecord(
            scenario: part.scenario, environment: part.environment, startedAtMicroseconds: measured + clockShift())
        sender.write(to: &record, withTimes: withTimes)
        record.agents = [
            AgentRecord(
                name: part.name, cpuShare: sender.cpuShare, sent: sender.sent, connectionsLost: sender.losses,
                goAways: sender.goAways, host: GeneratorHost(part.environment))
        ]
        return record
    }
}

/// The time of day less the monotonic clock, microseconds.
func clockShift() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000 - Int64(bitPattern: monotonicNow()) / 1000
}
