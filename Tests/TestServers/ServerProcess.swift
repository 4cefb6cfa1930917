import Glibc
import Synchronization

/// What kept a test server from starting.
package struct TestServerError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

/// A server process under a shell that watches us.
///
/// The shell's standard input is a socket of which only this process holds the other end. When this process ends, however
/// it ends, the socket closes, the shell kills the server at once and deletes the scratch folder. (PR_SET_PDEATHSIG would not do:
/// it follows the thread that started the child, and the change of user clears it.) The line `keep` ends the shell with the
/// server but leaves the folder, for a restart.
final class ServerProcess: Sendable {
    private static let script = """
        trap '' INT TERM HUP
        folder=$1; shift
        "$@" >> "$folder/server.log" 2>&1 < /dev/null &
        server=$!
        echo $server
        order=
        read -r order
        kill -KILL $server 2> /dev/null
        wait $server 2> /dev/null
        [ "$order" = keep ] || rm -rf "$folder"
        """

    /// The server's process.
    let pid: pid_t
    private let shell: pid_t
    private let lifeline: Mutex<Int32?>

    init(folder: String, command: [String]) throws {
        // Close-on-exec: another child holding our end would keep the server alive after us.
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestServerError("no socket pair for a test server: error \(errno)")
        }
        let shell: pid_t
        do {
            shell = try ChildProcess.spawn(
                ["/bin/sh", "-c", Self.script, "sh", folder] + command, input: ends[1], output: ends[1], error: nil)
        } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        // Before the first read, which otherwise would wait for ever on a shell that is gone.
        close(ends[1])
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(ends[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        self.shell = shell
        lifeline = Mutex(ends[0])
        guard let pid = pid_t(String(decoding: line, as: UTF8.self)) else {
            close(ends[0])
            _ = ChildProcess.wait(shell)
            throw TestServerError("the watching shell did not start the server \(command)")
        }
        self.pid = pid
    }

    deinit { end(keepFolder: false) }

    /// Whether the server itself still runs. (Its shell reaps it only at the end, so a zombie counts as gone.)
    var isRunning: Bool {
        guard let stat = ChildProcess.contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
        return stat[end...].split(separator: " ").dropFirst().first != "Z"
    }

    /// Kills what still runs, and returns when it is gone.
    func end(keepFolder: Bool) {
        let descriptor = lifeline.withLock { lifeline in
            defer { lifeline = nil }
            return lifeline
        }
        guard let descriptor else { return }
        // A shell that is gone already has nothing to be told.
        if keepFolder {
            _ = Array("keep\n".utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
        close(descriptor)
        _ = ChildProcess.wait(shell)
    }
}
