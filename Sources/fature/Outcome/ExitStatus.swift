/// What a command's exit status says. The numbers follow sysexits.h, so that scripts can tell the cases apart.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    /// A check was made and its answer is no: a failed validation, a cluster that is not ready.
    case negative = 1
    /// A load's generator could not keep up (`fature loadtest`).
    case invalidRun = 2
    /// Nothing is running here (`fature status`), or a load cannot be set up (`fature loadtest`).
    case notRunning = 3
    /// What was asked for cannot be planned or done as the cluster is, and nothing was done (`fature rebalance`).
    case refused = 4
    /// A flag or argument makes no sense.
    case usage = 64
    /// A file or table that is to be read is missing or is not what it should be.
    case inputRefused = 66
    /// A server (PostgreSQL, Redis) does not answer.
    case serverUnavailable = 69
    /// A process of the cluster failed.
    case processFailed = 70
    /// The operating system refused: a port in use, no file descriptors.
    case systemRefused = 71
    /// A program or a system user that is needed is not installed.
    case programMissing = 72
    /// A file or folder cannot be created or read.
    case fileRefused = 73
    /// Another `fature up` runs in this folder.
    case alreadyRunning = 75
    /// The database's schema is older or newer than this program.
    case schemaMismatch = 76
    /// A password or a permission is wrong.
    case accessDenied = 77
    /// A configuration file, key or value is wrong.
    case configuration = 78
    /// Stopped by Ctrl-C before the work was done.
    case interrupted = 130

    /// A load cannot be set up.
    static let setUp = ExitStatus.notRunning
    /// Shards are to move, or moving (`fature rebalance`).
    static let movesPending = ExitStatus.invalidRun
    /// Not all that was planned has come about (`fature rebalance`).
    static let partial = ExitStatus.notRunning
}
