/// Decides what `fature up` does when its processes start, die and are to stop. It does nothing itself: it is told what
/// happened and when, and answers with actions. Times are milliseconds of any clock that never goes back.
///
///     absent ──launch──▶ running ──died──▶ waiting ──delay over──▶ running …
///                           │                 │
///                           └──────stop───────┴──▶ stopping ──ended──▶ absent
///
/// Before the cluster has once been ready a process that keeps dying ends the start; afterwards it is restarted for ever.
struct Supervision {
    enum Event: Equatable {
        case launched(String, pid: Int32)
        /// The process could not even be started.
        case launchFailed(String, reason: String)
        case ended(String, ProcessEnd)
        case clusterReady
        /// Stop everything in order. A second request means: at once.
        case stopRequested
        case timePassed
    }

    enum Action: Equatable {
        case launch(String)
        case signal(Int32, pid: Int32, name: String)
        case report(String)
        /// The start has failed; what follows is an ordinary stop.
        case startFailed(String, String)
        /// Nothing runs any more.
        case finished
    }

    enum ProcessState: Equatable {
        case absent
        case running(pid: Int32, since: Int)
        case waiting(until: Int)
        case stopping(pid: Int32, forceAt: Int)
    }

    /// Deaths in a row, before the cluster was ready, that end the start.
    static let startFailuresMax = 3
    /// Exit statuses that a restart cannot mend: wrong flags, configuration, permission, schema.
    static let hopelessStatuses: Set<Int32> = [64, 72, 73, 76, 77, 78]

    private let processes: [ManagedProcess]
    private(set) var states: [String: ProcessState] = [:]
    private var failures: [String: Int] = [:]
    private var hasBeenReady = false
    /// The phase being stopped, nil while running.
    private var stopPhase: Int?
    private var stopRequests = 0
    private var isFinished = false

    init(_ processes: [ManagedProcess]) {
        self.processes = processes
        for process in processes { states[process.name] = .absent }
    }

    var isStopping: Bool { stopPhase != nil }

    /// The time at which `timePassed` must be told at the latest, nil if only an event can change anything.
    var nextDeadline: Int? {
        states.values.compactMap {
            switch $0 {
            case .waiting(let until): until
            case .stopping(_, let forceAt): forceAt
            case .absent, .running: nil
            }
        }.min()
    }

    mutating func handle(_ event: Event, now: Int) -> [Action] {
        switch event {
        case .launched(let name, let pid): return launched(name, pid: pid, now: now)
        case .launchFailed(let name, let reason):
            return died(name, "cannot be started (\(reason))", isHopeless: false, ranMilliseconds: 0, now: now)
        case .ended(let name, let end): return ended(name, end, now: now)
        case .clusterReady:
            hasBeenReady = true
            return []
        case .stopRequested: return stopRequested(now: now)
        case .timePassed: return timePassed(now: now)
        }
    }

    private mutating func launched(_ name: String, pid: Int32, now: Int) -> [Action] {
        guard let process = process(name) else { return [] }
        if isStopping {
            // It was being started when the stop came.
            return [stop(process, pid: pid, now: now)]
        }
        states[name] = .running(pid: pid, since: now)
        return []
    }

    private mutating func ended(_ name: String, _ end: ProcessEnd, now: Int) -> [Action] {
        switch states[name] {
        case .stopping:
            states[name] = .absent
            return continueStop(now: now)
        case .running(_, let since):
            states[name] = .absent
            if isStopping { return continueStop(now: now) }
            let isHopeless: Bool
            if case .exited(let status) = end { isHopeless = Self.hopelessStatuses.contains(status) } else { isHopeless = false }
            return died(name, "ended by itself (\(end))", isHopeless: isHopeless, ranMilliseconds: now - since, now: now)
        case .absent, .waiting, nil: return []
        }
    }

    private mutating func died(_ name: String, _ what: String, isHopeless: Bool, ranMilliseconds: Int, now: Int) -> [Action] {
        if isStopping { return continueStop(now: now) }
        if ranMilliseconds >= RestartDelay.stableMilliseconds { failures[name] = 0 }
        let count = failures[name, default: 0] + 1
        failures[name] = count
        if !hasBeenReady && (isHopeless || count >= Self.startFailuresMax) {
            states[name] = .absent
            return [.startFailed(name, what)] + stopRequested(now: now)
        }
        let delay = RestartDelay.milliseconds(failures: count)
        states[name] = .waiting(until: now + delay)
        return [.report("\(name) \(what); it is started again in \(delay) ms")]
    }

    private mutating func stopRequested(now: Int) -> [Action] {
        stopRequests += 1
        switch stopRequests {
        case 1:
            for (name, state) in states {
                if case .waiting = state { states[name] = .absent }
            }
            stopPhase = processes.map(\.stopPhase).min() ?? 0
            return continueStop(now: now, entering: true)
        case 2: return hurry(now: now)
        default: return []
        }
    }

    /// Everything that still runs is forced at once, all phases together.
    private mutating func hurry(now: Int) -> [Action] {
        var actions: [Action] = []
        for process in processes {
            switch states[process.name] {
            case .running(let pid, _), .stopping(let pid, _):
                states[process.name] = .stopping(pid: pid, forceAt: now + process.stopMillisecondsMax)
                actions.append(.signal(process.forceSignal, pid: pid, name: process.name))
            case .absent, .waiting, nil: continue
            }
        }
        stopPhase = processes.map(\.stopPhase).max() ?? 0
        return actions + continueStop(now: now)
    }

    /// Goes to the next phase for as long as the present one has nothing left to wait for.
    private mutating func continueStop(now: Int, entering: Bool = false) -> [Action] {
        guard !isFinished, var phase = stopPhase else { return [] }
        var actions: [Action] = []
        var isEntering = entering
        while true {
            if isEntering {
                for process in processes where process.stopPhase == phase {
                    if case .running(let pid, _) = states[process.name] {
                        actions.append(stop(process, pid: pid, now: now))
                    }
                }
            }
            let isWaiting = processes.contains { $0.stopPhase <= phase && states[$0.name] != .absent }
            if isWaiting { break }
            guard let next = processes.map(\.stopPhase).filter({ $0 > phase }).min() else {
                isFinished = true
                actions.append(.finished)
                break
            }
            phase = next
            isEntering = true
        }
        stopPhase = phase
        return actions
    }

    private mutating func stop(_ process: ManagedProcess, pid: Int32, now: Int) -> Action {
        states[process.name] = .stopping(pid: pid, forceAt: now + process.stopMillisecondsMax)
        return .signal(process.stopSignal, pid: pid, name: process.name)
    }

    private mutating func timePassed(now: Int) -> [Action] {
        var actions: [Action] = []
        for process in processes {
            switch states[process.name] {
            case .waiting(let until) where until <= now:
                // Absent until the caller says how the launch went. One launch at a time: if it fails it may stop everything,
                // and then no other may follow. The next one's deadline has passed, so the caller is back at once.
                states[process.name] = .absent
                return actions + [.launch(process.name)]
            case .stopping(let pid, let forceAt) where forceAt <= now:
                states[process.name] = .stopping(pid: pid, forceAt: now + process.stopMillisecondsMax)
                actions.append(.report("\(process.name) does not stop; it is forced"))
                actions.append(.signal(process.forceSignal, pid: pid, name: process.name))
            default: continue
            }
        }
        return actions
    }

    private func process(_ name: String) -> ManagedProcess? { processes.first { $0.name == name } }
}
