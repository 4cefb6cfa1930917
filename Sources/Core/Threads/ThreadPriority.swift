import Glibc

/// How much of a busy machine a thread gets beside others.
package enum ThreadPriority: Sendable {
    case normal
    /// 10 nicer than the process, about a tenth of what a normal thread gets where all processors are busy: for work that nobody waits for.
    case background

    /// The calling thread has this priority from now on. On Linux niceness is a thread's, not the process's (setpriority(2)).
    func take() {
        switch self {
        case .normal: break
        // Being nicer is always allowed; where it is not (a sandbox), the work is done at the usual priority.
        case .background: _ = setpriority(Self.thread, 0, Self.niceness + 10)
        }
    }

    /// How nice the calling thread is to others: -20 to 19.
    package static var niceness: Int32 { getpriority(thread, 0) }

    private static var thread: Int32 { Int32(PRIO_PROCESS.rawValue) }
}
