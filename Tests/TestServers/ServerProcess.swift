import Glibc

/// What kept a test server from starting.
package struct TestServerError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A server process that cannot outlive this process: a watching shell kills it when we end.
package final class ServerProcess: Sendable {
    private static let script = """
        trap '' INT TERM HUP
        log=$1; shift
        "$@" >> "$log" 2>&1 < /dev/null &
        server=$!
        echo $server
        read -r order
        kill -KILL $server 2> /dev/null
        wait $server 2> /dev/null
        """

    /// The server's process.
    package let pid: pid_t
    private let shell: WatchingShell

    package init(log: String, command: [String]) throws {
        shell = try WatchingShell(Self.script, [log] + command)
        guard let pid = pid_t(shell.readLine()) else {
            shell.release()
            throw TestServerError("the watching shell did not start \(command)")
        }
        self.pid = pid
    }

    deinit { end() }

    /// Whether the server itself still runs. (Its shell reaps it only at the end, so a zombie counts as gone.)
    package var isRunning: Bool { state.map { $0 != "Z" } ?? false }

    /// Whether a signal has stopped it.
    package var isStopped: Bool { state == "T" }

    /// The letter that the kernel has for it; nil when it is gone.
    private var state: Substring? {
        guard let stat = ChildProcess.contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        return stat[end...].split(separator: " ").dropFirst().first
    }

    /// Kills what still runs, and returns when it is gone.
    package func end() { shell.release() }
}
