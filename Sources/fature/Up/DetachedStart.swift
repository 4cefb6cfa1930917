import Foundation

/// `fature up --detach`: the cluster runs in a process of its own, and this one stays until it is ready or has failed.
///
/// Until then the new process writes to the same terminal. It tells that it is ready by one byte in a pipe (its descriptor 3),
/// and from then on writes to `up.log`. The end of the pipe without that byte means that it failed, and its exit status is ours.
enum DetachedStart {
    private static let variable = "FATURE_UP_READY_DESCRIPTOR"

    /// Whether this is the new process.
    static func isInside(_ environment: [String: String]) -> Bool { environment[variable] != nil }

    /// The environment without our own variable.
    static func cleaned(_ environment: [String: String]) -> [String: String] { environment.filter { $0.key != variable } }

    /// In the new process: the cluster is ready.
    static func tellReady(_ environment: [String: String], log: String) throws(CommandError) {
        guard let descriptor = environment[variable].flatMap({ Int32($0) }) else { return }
        let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .file("write", log, errno: errno) }
        dup2(file, STDOUT_FILENO)
        dup2(file, STDERR_FILENO)
        close(file)
        Console.writeAll([UInt8(ascii: "r")], to: descriptor)
        close(descriptor)
    }

    /// In the first process: starts the second and waits for its word.
    static func run() throws(CommandError) {
        let events = try ProcessEvents()
        Descriptors.keepFromChildren()
        let pipe = try Descriptors.makePipe(nonBlocking: true)
        var environment = ProcessInfo.processInfo.environment
        environment[variable] = "3"
        let child = try ChildProcess.start(
            [Programs.ourselves()] + CommandLine.arguments.dropFirst(), environment: environment, output: .inherited,
            passing: pipe.writer)
        close(pipe.writer)
        var requestsForwarded = 0
        while true {
            var byte: UInt8 = 0
            if read(pipe.reader, &byte, 1) == 1 { return }
            if let end = child.endIfEnded() {
                // It has said why. One that was killed has not.
                if case .exited(let status) = end, let known = ExitStatus(rawValue: status) { throw .alreadyExplained(known) }
                throw CommandError(.processFailed, "the detached process died (\(end))")
            }
            while requestsForwarded < events.stopRequests {
                requestsForwarded += 1
                child.send(SIGTERM)
            }
            events.wait(milliseconds: 50)
        }
    }
}
