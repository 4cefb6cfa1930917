import Foundation

/// Processes that an earlier start left behind, known only by number.
enum Leftover {
    /// The folder a process works in, or nil if there is no such process or it is not ours to see.
    static func workingDirectory(of pid: Int32) -> String? { link("/proc/\(pid)/cwd") }

    /// The pid of a server that runs in `folder`, whoever started it. Its working directory tells it from an unrelated process
    /// that happens to have the number a stale pid file names.
    static func server(pidFile: String, folder: String) -> Int32? {
        guard let data = FileManager.default.contents(atPath: pidFile),
            let pid = String(decoding: data, as: UTF8.self).split(separator: "\n").first.flatMap({ Int32($0) }),
            workingDirectory(of: pid) == realPath(folder)
        else { return nil }
        return pid
    }

    static func isRunning(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0 || errno == EPERM else { return false }
        // A zombie has ended; only its parent has not looked yet.
        let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return stat.split(separator: ")").last?.dropFirst().first != "Z"
    }

    /// Waits until a process that is nobody's child here is gone.
    static func waitForEnd(of pid: Int32, name: String, millisecondsMax: Int, events: ProcessEvents) throws(CommandError) {
        let deadline = MonotonicMilliseconds.now() + millisecondsMax
        while isRunning(pid) {
            guard MonotonicMilliseconds.now() < deadline else {
                throw CommandError(.processFailed, "\(name) (pid \(pid)) does not stop; see its log, then `kill \(pid)`")
            }
            guard events.stopRequests == 0 else { throw CommandError(.interrupted, "stopped") }
            events.wait(milliseconds: 20)
        }
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}

/// The path with all symbolic links resolved, or itself if it does not exist.
func realPath(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
}
