import Core
import Glibc
import LoadPlan
import LoadRecord

/// Runs the commands of a scenario's events at their times, on threads of its own: the sending thread knows nothing of them.
final class EventRunner: Sendable {
    private struct State {
        var records: [EventRecord] = []
        var running = 0
        var isOver = false
    }

    private let events: [PlannedEvent]
    private let begin: MonotonicNanoseconds
    private let state = Monitor(State())

    /// - Parameter begin: of the measured time.
    init(_ events: [PlannedEvent], begin: MonotonicNanoseconds) {
        self.events = events.sorted { $0.atSeconds < $1.atSeconds }
        self.begin = begin
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

    /// No event begins any more; those that run are waited for so long. What still runs then has no exit status.
    func finish(milliseconds: Int) -> [EventRecord] {
        state.withLock { $0.isOver = true }
        _ = state.wait(until: .after(milliseconds: milliseconds)) { $0.running == 0 ? true : nil }
        return records
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
        let seconds = Double(started - begin) / 1e9
        let index = state.withLock { state in
            state.records.append(EventRecord(atSeconds: seconds, label: event.label))
            return state.records.count - 1
        }
        guard let command = event.command, !command.isEmpty else { return }
        state.withLock { $0.running += 1 }
        let isStarted = DetachedThread.start { [self] in
            let status = Self.execute(command)
            let took = Double(monotonicNow() - started) / 1e9
            state.withLock { state in
                state.records[index].exitStatus = status
                state.records[index].tookSeconds = took
                state.running -= 1
            }
        }
        if !isStarted {
            state.withLock { state in
                state.records[index].exitStatus = Self.notStarted
                state.running -= 1
            }
        }
    }

    /// As a shell tells of a command that it cannot start.
    private static let notStarted = 127

    /// The command's exit status; 128 and the signal's number when one ended it. What it prints goes to standard error.
    private static func execute(_ command: [String]) -> Int {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, command[0], &actions, nil, arguments, environ) == 0 else { return notStarted }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return notStarted }
        }
        let signal = status & 0x7f
        return signal == 0 ? Int(status >> 8 & 0xff) : 128 + Int(signal)
    }
}
