import Glibc
import Synchronization

/// A shell that outlives us only to clean up.
///
/// Its standard input is a socket of which only this process holds the other end. When this process ends, however it ends,
/// the socket closes and the shell's `read` returns. (PR_SET_PDEATHSIG would not do: it follows the thread that started the
/// child, and a change of user clears it.)
package final class WatchingShell: Sendable {
    private let pid: pid_t
    private let lifeline: Mutex<Int32?>

    /// - Parameter script: has to end by itself once its standard input is at its end.
    package init(_ script: String, _ arguments: [String]) throws {
        // Close-on-exec: another child holding our end would keep the shell waiting after us.
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestServerError("no socket pair for a shell: error \(errno)")
        }
        // The shell's end is closed here before the first read, which otherwise would wait for ever on a shell that is gone.
        defer { close(ends[1]) }
        do {
            pid = try ChildProcess.spawn(
                ["/bin/sh", "-c", script, "sh"] + arguments, input: ends[1], output: ends[1], error: nil)
        } catch {
            close(ends[0])
            throw error
        }
        lifeline = Mutex(ends[0])
    }

    /// One line of what the shell says; empty when it ended.
    func readLine() -> String {
        guard let descriptor = lifeline.withLock({ $0 }) else { return "" }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Lets the shell do its last duty, and returns when it is done.
    package func release() {
        let descriptor = lifeline.withLock { lifeline in
            defer { lifeline = nil }
            return lifeline
        }
        guard let descriptor else { return }
        close(descriptor)
        _ = ChildProcess.wait(pid)
    }
}
