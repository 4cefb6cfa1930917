/// A command cannot go on. The message is one line that says what is wrong, where, and what to do next.
struct CommandError: Error, Equatable, CustomStringConvertible {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    var description: String { message }
}

extension CommandError {
    /// A failure about which a child process has said everything on the same terminal.
    static func alreadyExplained(_ status: ExitStatus) -> CommandError { CommandError(status, "") }

    /// A system call on `path` failed with `number` (an errno).
    static func file(_ action: String, _ path: String, errno number: Int32) -> CommandError {
        CommandError(.fileRefused, "cannot \(action) \(path): \(systemMessage(number)); check the path and its permissions")
    }
}
