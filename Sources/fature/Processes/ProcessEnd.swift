import Foundation

/// How a child process ended.
enum ProcessEnd: Equatable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    /// From the status word of `waitpid`: the low 7 bits are the signal, the next byte the exit status.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal: signal)
    }

    var isSuccess: Bool { self == .exited(0) }

    var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .killed(let signal): "killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }
}
