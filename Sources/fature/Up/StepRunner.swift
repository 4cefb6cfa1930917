import Foundation

/// Runs a program to its end as one step of a start: the only child at work meanwhile, ended when a person asks to stop.
struct StepRunner {
    static let stopMillisecondsMax = 10_000

    let directory: DataDirectory
    let environment: [String: String]
    let events: ProcessEvents
    /// setpriv (util-linux), which has the kernel end a step when this process dies, however it dies; nil where it is missing.
    let setpriv: String?

    /// Runs a step whose output only matters if it fails; it goes to the step's log.
    func run(_ arguments: [String], name: String, millisecondsMax: Int) throws(CommandError) {
        let log = directory.log(name)
        let end = try end(of: arguments, output: .file(log), name: name, millisecondsMax: millisecondsMax)
        guard end.isSuccess else {
            throw CommandError(.processFailed, "\(name) failed (\(end)): \(LogTail.lastLine(of: log) ?? "no output"); see \(log)")
        }
    }

    /// Runs a step that shows its own progress and explains its own failure.
    func runVisibly(_ arguments: [String], name: String) throws(CommandError) {
        let end = try end(of: arguments, output: .inherited, name: name, millisecondsMax: .max)
        guard !end.isSuccess else { return }
        var status = ExitStatus.processFailed
        if case .exited(let number) = end, let known = ExitStatus(rawValue: number) { status = known }
        throw CommandError(status, "the step `\(name)` failed (\(end)); its reason stands above")
    }

    /// Whether a program that answers by its exit status says yes.
    func succeeds(_ arguments: [String], name: String) throws(CommandError) -> Bool {
        try end(of: arguments, output: .file(directory.log(name)), name: name, millisecondsMax: 10_000).isSuccess
    }

    private func end(
        of arguments: [String], output: ChildProcess.Output, name: String, millisecondsMax: Int
    ) throws(CommandError) -> ProcessEnd {
        // A command line that changes the user names the signal itself: the change would clear it.
        let isAlone = setpriv.map { arguments.first != $0 } ?? false
        let prefix = isAlone ? [setpriv].compactMap { $0 } + ["--pdeathsig", "TERM", "--"] : []
        let child = try ChildProcess.start(prefix + arguments, environment: environment, output: output)
        let start = MonotonicMilliseconds.now()
        var stopAskedAt: Int?
        while true {
            if let end = child.endIfEnded() {
                guard events.stopRequests == 0 else { throw CommandError(.interrupted, "stopped during the step `\(name)`") }
                return end
            }
            let now = MonotonicMilliseconds.now()
            if let asked = stopAskedAt {
                if events.stopRequests > 1 || now - asked > Self.stopMillisecondsMax { child.send(SIGKILL) }
            } else if events.stopRequests > 0 {
                child.send(SIGTERM)
                stopAskedAt = now
            } else if now - start > millisecondsMax {
                child.send(SIGKILL)
            }
            events.wait(milliseconds: 1000)
        }
    }
}
