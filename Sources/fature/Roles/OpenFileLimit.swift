import Foundation
import Logging

/// How many files and sockets this process may have open. Shells give 1,024 by default and allow far more.
enum OpenFileLimit {
    /// What a process needs beside its callers' connections: workers, PostgreSQL, Redis, the log, event queues.
    static let ownFilesMax = 256

    /// Raises the limit as far as the system allows without asking anybody, and warns if that is not enough.
    ///
    /// - Parameter connectionsMax: how many callers the configuration allows at a time.
    static func raise(connectionsMax: Int, logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        let needed = connectionsMax + ownFilesMax
        guard limit.rlim_cur < rlim_t(needed) else { return }
        logger.warning(
            "open files are limited to fewer than the connections need; raise the hard limit (`ulimit -Hn`, LimitNOFILE=)",
            metadata: ["limit": "\(limit.rlim_cur)", "needed": "\(needed)"])
    }
}
