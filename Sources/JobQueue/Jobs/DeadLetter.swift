import Core

/// A job that has failed for good, with everything a person needs to decide about it.
package struct DeadLetter: Sendable {
    package let kind: JobKind
    package let shard: ShardID
    /// Of a malformed entry: `malformed:` and its place in the stream.
    package let id: JobID
    package let cause: JobCause
    /// At most 512 bytes.
    package let error: String
    package let failures: Int
    package let crashes: Int
    /// Milliseconds since 1970 when the job was first added.
    package let enqueuedAtMilliseconds: Int64
    package let payload: [UInt8]
    /// Where the job stands in the stream until the letter is buried; its place in `:dlq` when it was read from there.
    package let entry: EntryID

    /// - Parameter failures: with the last one.
    package init(_ job: Job, entry: EntryID, cause: JobCause, error: String, failures: Int) {
        kind = job.kind
        shard = job.shard
        id = job.id
        self.cause = cause
        self.error = JobRecord.cut(error)
        self.failures = min(failures, JobRecord.countMax)
        crashes = job.crashes
        enqueuedAtMilliseconds = job.enqueuedAtMilliseconds
        payload = Array(job.payload)
        self.entry = entry
    }

    package init(_ malformed: MalformedEntry, kind: JobKind) {
        self.kind = kind
        shard = malformed.shard
        id = JobID(checked: Array("malformed:\(malformed.entry)".utf8)[...])
        cause = .malformed
        error = "the entry is not a job; its first bytes are the payload"
        failures = 0
        crashes = 0
        enqueuedAtMilliseconds = Int64(clamping: malformed.entry.milliseconds)
        payload = malformed.bytes
        entry = malformed.entry
    }

    var record: [UInt8] {
        JobRecord.encode(
            id: id.text.utf8, failures: failures, crashes: crashes, enqueuedAtMilliseconds: enqueuedAtMilliseconds, cause: cause,
            error: error, payload: payload)
    }
}

/// Where dead letters are kept for good: PostgreSQL, elsewhere.
package protocol DeadLetterSink: Sendable {
    /// Writes all letters, or throws. A letter may come again, so the second one of a kind and id replaces the first.
    ///
    /// Called on a lane's own thread, may block; the jobs leave the queue only after it returns.
    func bury(_ letters: [DeadLetter]) throws
}
