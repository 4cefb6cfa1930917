import Foundation

/// Carries out what `Supervision` decides, on real processes.
final class ProcessKeeper {
    /// How to start one process.
    struct Launch {
        let arguments: [String]
        let input: ChildProcess.Input
    }

    private static let logCheckMilliseconds = 5_000
    /// When a wait is first worth a line, and how long until the next.
    private static let firstProgressMilliseconds = 5_000
    private static let progressMilliseconds = 30_000

    private let directory: DataDirectory
    private let environment: [String: String]
    private let events: ProcessEvents
    private var supervision: Supervision
    private var launches: [String: Launch] = [:]
    private var children: [String: ChildProcess] = [:]
    private var stopRequestsHandled = 0
    private var startFailure: CommandError?
    private var isFinished = false
    private var nextLogCheck = 0
    /// Whether the last note of which processes run could not be written.
    private var noteIsMissing = false
    /// Logs whose rotation failed, each reported once.
    private var unrotated: Set<String> = []
    /// Called with all running processes whenever they change.
    private let onChange: ([ClusterState.Process]) throws(CommandError) -> Void

    init(
        _ directory: DataDirectory, processes: [ManagedProcess], environment: [String: String], events: ProcessEvents,
        onChange: @escaping ([ClusterState.Process]) throws(CommandError) -> Void
    ) {
        self.directory = directory
        self.environment = environment
        self.events = events
        self.onChange = onChange
        supervision = Supervision(processes)
    }

    /// Starts a process for the first time. From now on it is kept running.
    func launch(_ name: String, _ launch: Launch) throws(CommandError) {
        launches[name] = launch
        rotateLogs([name])
        try start(name)
    }

    /// Supervises until `isDone` says so.
    ///
    /// - Throws: when a process cannot be kept running, a person asks to stop, or the time is over.
    func supervise(_ what: String, pollMilliseconds: Int, millisecondsMax: Int, until isDone: () -> Bool) throws(CommandError) {
        let start = now()
        let deadline = start + millisecondsMax
        var nextProgress = start + Self.firstProgressMilliseconds
        while true {
            turn(waitMilliseconds: 0)
            if supervision.isStopping { throw startFailure ?? CommandError(.interrupted, "stopped while waiting for \(what)") }
            if isDone() { return }
            if now() >= nextProgress {
                nextProgress = now() + Self.progressMilliseconds
                Console.progress("waiting for \(what) (\((now() - start) / 1000) s so far; logs in \(directory.logs))")
            }
            guard now() < deadline else {
                for name in launches.keys.sorted() {
                    guard let line = LogTail.lastTrouble(of: directory.log(name)) else { continue }
                    Console.progress("\(name): \(line)")
                }
                throw CommandError(
                    .processFailed, "\(what) is not ready after \(millisecondsMax / 1000) s; see the logs in \(directory.logs)")
            }
            turn(waitMilliseconds: pollMilliseconds)
        }
    }

    /// From now on a process that dies is started again, however often.
    func clusterIsReady() { perform(supervision.handle(.clusterReady, now: now())) }

    /// Supervises until everything has been stopped because a person asked for it.
    func superviseUntilStopped() {
        while !isFinished { turn(waitMilliseconds: 60_000) }
    }

    /// Stops everything in order and returns when nothing runs.
    func stopAll() {
        if !supervision.isStopping { perform(supervision.handle(.stopRequested, now: now())) }
        while !isFinished { turn(waitMilliseconds: 60_000) }
    }

    func pid(_ name: String) -> Int32? { children[name]?.pid }

    private func turn(waitMilliseconds: Int) {
        reap()
        if isFinished { return }
        let untilDeadline = supervision.nextDeadline.map { max(0, $0 - now()) } ?? .max
        let untilLogCheck = max(0, nextLogCheck - now())
        events.wait(milliseconds: min(waitMilliseconds, untilDeadline, untilLogCheck))
        while stopRequestsHandled < events.stopRequests {
            stopRequestsHandled += 1
            Console.progress(stopRequestsHandled == 1 ? "stopping (Ctrl-C again to hurry)" : "hurrying")
            perform(supervision.handle(.stopRequested, now: now()))
        }
        reap()
        perform(supervision.handle(.timePassed, now: now()))
        if now() >= nextLogCheck {
            nextLogCheck = now() + Self.logCheckMilliseconds
            rotateLogs(launches.keys.sorted())
            if noteIsMissing { noteProcesses() }
        }
    }

    private func reap() {
        for (name, child) in children {
            guard let end = child.endIfEnded() else { continue }
            children[name] = nil
            noteProcesses()
            perform(supervision.handle(.ended(name, end), now: now()))
        }
    }

    private func perform(_ actions: [Supervision.Action]) {
        for action in actions {
            switch action {
            case .launch(let name):
                do { try start(name) } catch {
                    perform(supervision.handle(.launchFailed(name, reason: error.message), now: now()))
                }
            case .signal(let number, _, let name): children[name]?.send(number)
            case .report(let line): Console.progress(line)
            case .startFailed(let name, let what):
                let log = directory.log(name)
                let reason = LogTail.lastLine(of: log).map { ": \($0)" } ?? ""
                startFailure = CommandError(.processFailed, "\(name) \(what)\(reason); see \(log)")
            case .finished: isFinished = true
            }
        }
    }

    private func start(_ name: String) throws(CommandError) {
        guard let launch = launches[name] else { return }
        let child = try ChildProcess.start(
            launch.arguments, environment: environment, input: launch.input, output: .file(directory.log(name)))
        children[name] = child
        noteProcesses()
        perform(supervision.handle(.launched(name, pid: child.pid), now: now()))
    }

    /// Tells which processes run. Bookkeeping is no reason to stop a cluster that works: a failure (a full disk, say) is
    /// reported once and tried again until it succeeds.
    private func noteProcesses() {
        do {
            try onChange(children.map { ClusterState.Process(name: $0.key, pid: $0.value.pid) }.sorted { $0.name < $1.name })
            noteIsMissing = false
        } catch {
            if !noteIsMissing { Console.progress("warning: \(error.message); the cluster runs on, and this is tried again") }
            noteIsMissing = true
        }
    }

    private func rotateLogs(_ names: [String]) {
        for name in names {
            do {
                try LogRotation.rotateIfLarge(directory.log(name))
                unrotated.remove(name)
            } catch {
                guard unrotated.insert(name).inserted else { continue }
                Console.progress("warning: \(error.message); the log of \(name) grows until that succeeds")
            }
        }
    }

    private func now() -> Int { MonotonicMilliseconds.now() }
}
