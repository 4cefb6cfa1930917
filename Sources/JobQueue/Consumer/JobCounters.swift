import Synchronization

/// What a consumer has done since it was made: counts that only rise.
package final class JobCounters: Sendable {
    /// The counts at one moment.
    package struct Snapshot: Sendable, Equatable {
        /// Jobs taken into a lane's hand.
        package var taken: Int64 = 0
        /// Jobs whose handler said that they are done.
        package var done: Int64 = 0
        /// Failures of handlers: each led to a retry or to a dead letter.
        package var failed: Int64 = 0
        /// Jobs that were delayed to be tried again.
        package var retried: Int64 = 0
        /// Jobs that were delayed with no failure, for what was not their fault.
        package var postponed: Int64 = 0
        /// Jobs that went to the dead letters.
        package var dead: Int64 = 0
        /// Jobs that were taken over from lost consumers.
        package var crashed: Int64 = 0
        /// Jobs that were given back as they were.
        package var released: Int64 = 0
        /// Jobs that somebody else had by the time their handler came back.
        package var lost: Int64 = 0
        /// Delayed jobs that were put back when they were due.
        package var promoted: Int64 = 0
        /// Calls of handlers, and the nanoseconds they took.
        package var calls: Int64 = 0
        package var handlerNanoseconds: Int64 = 0
        /// Lanes that were given up because their handler did not come back.
        package var lanesLost: Int64 = 0
        /// Dead letters that Redis did not keep; the sink has them.
        package var lettersDropped: Int64 = 0
        /// Connections to Redis that failed.
        package var redisFailures: Int64 = 0
    }

    private let counts = Mutex(Snapshot())

    package var snapshot: Snapshot { counts.withLock { $0 } }

    /// A few times a batch, so that a lock costs nothing that shows.
    func add(_ change: (inout Snapshot) -> Void) { counts.withLock { change(&$0) } }
}
