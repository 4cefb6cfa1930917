import Core

/// A job that has failed for good and waits for a person.
package struct DeadLetterRow: Sendable, Equatable {
    /// The name of the job's kind.
    package var queue: String
    /// For commissions the number of the transaction.
    package var jobID: String
    package var shard: ShardID
    /// What the handler was given, byte by byte.
    package var payload: [UInt8]
    /// A word to group by: the same for the same trouble, one of a closed list of the job's kind.
    package var cause: String
    /// What the last attempt said.
    package var error: String
    package var failures: Int
    package var crashes: Int
    /// When the job was first added, in microseconds since 1970 UTC.
    package var enqueuedAtMicroseconds: Int64

    package init(
        queue: String, jobID: String, shard: ShardID, payload: [UInt8], cause: String, error: String, failures: Int, crashes: Int,
        enqueuedAtMicroseconds: Int64
    ) {
        self.queue = queue
        self.jobID = jobID
        self.shard = shard
        self.payload = payload
        self.cause = cause
        self.error = error
        self.failures = failures
        self.crashes = crashes
        self.enqueuedAtMicroseconds = enqueuedAtMicroseconds
    }
}

/// A dead letter as the database has it.
package struct StoredDeadLetter: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        /// Waits for a decision.
        case dead
        /// Was sent on its way again.
        case replayed
        /// Is given up: its job is never done.
        case discarded
    }

    package struct Decision: Sendable, Equatable {
        package let atMicroseconds: Int64
        package let actor: String
        package let reason: String?
    }

    package let id: Int64
    package let letter: DeadLetterRow
    package let state: State
    /// In microseconds since 1970 UTC.
    package let deadAtMicroseconds: Int64
    /// Nil while it waits.
    package let decision: Decision?
}

/// Open dead letters of one queue with one cause.
package struct DeadLetterGroup: Sendable, Equatable {
    package let queue: String
    package let cause: String
    package let count: Int64
    package let oldestMicroseconds: Int64
    package let newestMicroseconds: Int64
    /// What the newest of them says.
    package let newestError: String
}
