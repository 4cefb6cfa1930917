import Foundation

/// A process that this one started and has to reap.
///
/// Children stand in sessions of their own: Ctrl-C in the terminal reaches `fature up` alone, which then stops them in
/// order. Their standard input is either empty or a pipe whose other end we hold: when we die, however, they read its end.
struct ChildProcess {
    enum Input { case empty, heldOpen }
    enum Output {
        /// Appends to a file, created with mode 0600.
        case file(String)
        /// The descriptors of this process: for steps whose progress a person should see.
        case inherited
    }

    let pid: pid_t
    /// The end of the child's standard input that we hold, or -1.
    private let inputWriter: Int32

    /// Starts `arguments[0]` (an absolute path).
    ///
    /// - Parameters:
    ///   - environment: the whole environment of the child.
    ///   - passing: a descriptor the child gets as number 3. All our others are closed in children (`Descriptors`).
    static func start(
        _ arguments: [String], environment: [String: String], input: Input = .empty, output: Output,
        passing: Int32? = nil
    ) throws(CommandError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }

        var pipeEnds: (reader: Int32, writer: Int32) = (-1, -1)
        switch input {
        case .empty: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        case .heldOpen:
            pipeEnds = try Descriptors.makePipe()
            posix_spawn_file_actions_adddup2(&actions, pipeEnds.reader, 0)
        }
        defer { if pipeEnds.reader >= 0 { close(pipeEnds.reader) } }
        if case .file(let path) = output {
            posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        if let passing { posix_spawn_file_actions_adddup2(&actions, passing, 3) }

        // The child begins with default signal handling, whatever this process ignores or blocks.
        var every = sigset_t()
        sigfillset(&every)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &every)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | spawnSetSessionFlag
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let failure = withCStrings(arguments) { argumentPointers in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environmentPointers in
                posix_spawn(&pid, arguments[0], &actions, &attributes, argumentPointers, environmentPointers)
            }
        }
        guard failure == 0 else {
            if pipeEnds.writer >= 0 { close(pipeEnds.writer) }
            throw CommandError(.systemRefused, "cannot start \(arguments[0]): \(systemMessage(failure))")
        }
        return ChildProcess(pid: pid, inputWriter: pipeEnds.writer)
    }

    /// POSIX_SPAWN_SETSID of spawn.h, which glibc shows to GNU sources alone.
    private static let spawnSetSessionFlag: Int32 = 0x80

    /// How the child ended, or nil while it runs. To be called until it returns an end, and never again after that.
    func endIfEnded() -> ProcessEnd? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        if inputWriter >= 0 { close(inputWriter) }
        return ProcessEnd(waitStatus: status)
    }

    func send(_ signal: Int32) { kill(pid, signal) }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
}
