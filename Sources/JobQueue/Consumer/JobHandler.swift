import Core

/// What became of one job.
package enum JobOutcome: Sendable {
    /// Its effects are committed, by this call or before.
    case done
    /// It failed and may go another time.
    case retry(JobCause, error: String)
    /// What it needs was held by somebody else: it goes another time, and no failure is counted.
    case postpone(JobCause, error: String)
    /// It will never go.
    case dead(JobCause, error: String)
    /// It was not tried: it goes back as it was. For what the job cannot help, such as a shard that is somebody else's now.
    case release
}

/// Does the jobs of one lane. Made on the lane's own thread, and called there.
package protocol JobHandler: AnyObject, Sendable {
    /// Does all jobs, and says what became of each, in their order. Blocks; nothing else runs on its thread.
    ///
    /// Jobs may come more than once, and in any order. Whoever throws has done none of them, and gets them in halves; one that is alone has failed.
    /// `HandlerUnavailable` says that no job is to blame: they come again without a failure.
    ///
    /// - Parameter deadline: when `cancel` will be called.
    func handle(_ jobs: [Job], deadline: Deadline) throws -> [JobOutcome]

    /// Makes the call of `handle` that runs come back soon, by an error. On a thread of its own. A call that does not come back is left alone: its
    /// thread is given up, and another handler made.
    func cancel()

    /// Redis has been told what `handle` said of its last jobs. On the lane's thread; without one of its own a handler does nothing.
    func settled()
}

extension JobHandler {
    package func settled() {}
}

/// Thrown by a handler that cannot work now, and no job is to blame.
package struct HandlerUnavailable: Error, Sendable, CustomStringConvertible {
    package enum Reach: Sendable {
        /// Whatever the job: the database is away, for one. All are released.
        case everything
        /// Perhaps some of the jobs only: somebody else holds what they need. They are looked for, and postponed; the others are done.
        case someJobs
    }

    package let reach: Reach
    package let description: String

    package init(_ description: String, reach: Reach = .everything) {
        self.reach = reach
        self.description = description
    }
}

/// Thrown by a handler to name the cause of a failure. Of all other errors the cause is `handler_threw`.
package struct JobFailure: Error, Sendable, CustomStringConvertible {
    package let cause: JobCause
    package let description: String

    package init(_ cause: JobCause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}
