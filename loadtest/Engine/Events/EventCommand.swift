import Foundation

/// A command of an event: a child process that leads a process group of its own.
struct EventCommand: Sendable {
    /// Of the process and of its group.
    private let number: pid_t
    /// Its end has been seen.
    var isOver = false

    /// As a shell tells of a command that it cannot start.
    static let notStarted = 127
    /// The variable by which commands find the program that runs them.
    static let programVariable = "FATURE"

    /// Starts it. What it prints goes to standard error; signals act on it as on any program. Nil: it cannot be started.
    init?(_ command: [String]) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 2, 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        // A mask and ignored signals are inherited, and ours are not meant for it.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = command.map { strdup($0) } + [nil]
        var variables = Self.environment.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, command[0], &actions, &attributes, &arguments, &variables) == 0 else { return nil }
        number = child
    }

    /// Ours, and where our own program is.
    private static var environment: [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            let text = String(cString: variable)
            if !text.hasPrefix("\(programVariable)=") { variables.append(text) }
            next += 1
        }
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        if count > 0 {
            variables.append("\(programVariable)=" + String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        return variables
    }

    /// Whether such a program can be executed: by its path, or found in PATH.
    static func isProgram(_ name: String) -> Bool {
        if name.contains("/") { return isExecutable(name) }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":", omittingEmptySubsequences: false)
            .contains { isExecutable($0.isEmpty ? name : "\($0)/\(name)") }
    }

    private static func isExecutable(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// Waits for its end: the exit status, or 128 and the signal's number when one ended it. It is not reaped.
    func wait() -> Int {
        var end = siginfo_t()
        while waitid(P_PID, id_t(number), &end, WEXITED | WNOWAIT) < 0 {
            guard errno == EINTR else { return Self.notStarted }
        }
        let status = Int(end._sifields._sigchld.si_status)
        return end.si_code == Int32(CLD_EXITED) ? status : 128 + status
    }

    /// Whether anything lives in its group.
    var hasMembers: Bool {
        guard let processes = opendir("/proc") else { return false }
        defer { closedir(processes) }
        while let entry = readdir(processes) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let process = pid_t(name), getpgid(process) == number else { continue }
            // A zombie holds its place and is nobody.
            guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let end = line.lastIndex(of: ")"),
                line[end...].dropFirst(2).first != "Z"
            else { continue }
            return true
        }
        return false
    }

    func signal(_ signal: Int32) { kill(-number, signal) }

    /// Lets the system forget it. Only after its end.
    func reap() { _ = waitpid(number, nil, WNOHANG) }
}
