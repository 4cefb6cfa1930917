import Core
import Glibc
import LoadPlan
import LoadRecord

/// Runs the commands of a scenario's events at their times, on threads of its own: the sending thread knows nothing of them.
///
/// Each command leads a process group of its own. Who still runs some time after the load is ended (SIGTERM, then SIGKILL), and so is what a command has
/// left running in its group: what is to outlive the run needs `setsid`. A leader is reaped last of all, so that its group's number stays its own.
final class EventRunner: Sendable {
    private struct State {
        var records: [EventRecord] = []
        /// Of the commands that have been started: process and process group.
        var groups: [EventCommand] = []
        var running = 0
        var isOver = false
    }

    private let events: [PlannedEvent]
    private let begin: MonotonicNanoseconds
    private let state = Monitor(State())

    /// How long commands are waited for after the load: they may be about to undo what they did.
    static let patienceMilliseconds = 10_000
    /// From SIGTERM to SIGKILL.
    private static let graceMilliseconds = 2000
    private static let lookMicroseconds: UInt32 = 10_000

    /// - Parameter begin: of the measured time.
    init(_ events: [PlannedEvent], begin: MonotonicNanoseconds) {
        self.events = events.sorted { $0.atSeconds < $1.atSeconds }
        self.begin = begin
    }

    /// Throws for a command whose program is not there: better now than in the middle of a load.
    static func check(_ events: [PlannedEvent]) throws(LoadSetUpError) {
        for event in events {
            guard let program = event.command?.first, !EventCommand.isProgram(program) else { continue }
            let place = program.contains("/") ? "is not there, or cannot be executed" : "is nowhere in PATH"
            throw LoadSetUpError(
                .scenario,
                "event '\(event.label)': the program \(program) \(place); commands run in the folder of `fature loadtest`")
        }
    }

    var records: [EventRecord] { state.withLock(wake: .nobody) { $0.records } }

    func start() {
        guard !events.isEmpty else { return }
        state.withLock { $0.running += 1 }
        guard DetachedThread.start({ [self] in follow() }) else {
            state.withLock { $0.running -= 1 }
            return
        }
    }

    /// No event begins any more; commands that run are waited for so long, and ended then.
    func finish(milliseconds: Int = patienceMilliseconds) -> [EventRecord] {
        state.withLock { $0.isOver = true }
        waitForEnds(milliseconds: milliseconds)
        for group in state.withLock({ $0.groups }) { group.signal(SIGTERM) }
        waitForEnds(milliseconds: Self.graceMilliseconds, leftovers: true)
        for group in state.withLock({ $0.groups }) { group.signal(SIGKILL) }
        waitForEnds(milliseconds: Self.graceMilliseconds)
        for group in state.withLock({ $0.groups.filter(\.isOver) }) { group.reap() }
        return records
    }

    /// - Parameter leftovers: also for what ended commands have left in their groups.
    private func waitForEnds(milliseconds: Int, leftovers: Bool = false) {
        let deadline = Deadline.after(milliseconds: milliseconds)
        _ = state.wait(until: deadline) { $0.running == 0 ? true : nil }
        // Nobody tells of the end of processes that are not ours.
        while leftovers, !deadline.hasPassed, state.withLock({ $0.groups }).contains(where: \.hasMembers) {
            usleep(Self.lookMicroseconds)
        }
    }

    private func follow() {
        for event in events {
            let at = begin + UInt64(max(0, event.atSeconds) * 1e9)
            while true {
                let now = monotonicNow()
                guard now < at else { break }
                let isOver = state.wait(until: .after(milliseconds: Int((at - now + 999_999) / 1_000_000))) {
                    $0.isOver ? true : nil
                }
                if isOver == true { break }
            }
            let isOver = state.withLock { $0.isOver }
            if isOver { break }
            begin(event)
        }
        state.withLock { $0.running -= 1 }
    }

    private func begin(_ event: PlannedEvent) {
        let started = monotonicNow()
        let index = state.withLock { state in
            state.records.append(EventRecord(atSeconds: Double(started - begin) / 1e9, label: event.label))
            return state.records.count - 1
        }
        guard let arguments = event.command, !arguments.isEmpty else { return }
        guard let command = EventCommand(arguments) else {
            return state.withLock { $0.records[index].exitStatus = EventCommand.notStarted }
        }
        let group = state.withLock { state in
            state.running += 1
            state.groups.append(command)
            return state.groups.count - 1
        }
        let awaits = DetachedThread.start { [self] in
            let status = command.wait()
            state.withLock { state in
                state.groups[group].isOver = true
                state.records[index].exitStatus = status
                state.records[index].tookSeconds = Double(monotonicNow() - started) / 1e9
                state.running -= 1
            }
        }
        // Without a thread its end is not seen: it stays without a status, and is ended with the run.
        if !awaits { state.withLock { $0.running -= 1 } }
    }
}
