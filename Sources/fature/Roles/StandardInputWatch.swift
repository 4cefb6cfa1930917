import Foundation

/// Ends this process when its standard input closes: `fature up` holds the other end, and so even its sudden death is noticed.
enum StandardInputWatch {
    /// How long the orderly end may take before the process is cut off.
    static let graceSeconds = 15

    static func start() {
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { break }
            }
            kill(getpid(), SIGTERM)
            // A time limit on our own end, on a thread that has nothing else to do: if the end comes first, this never returns.
            Thread.sleep(forTimeInterval: TimeInterval(graceSeconds))
            _exit(ExitStatus.processFailed.rawValue)
        }
    }
}
