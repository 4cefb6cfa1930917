/// How the jobs of a kind are tried: what is forgiven, how long is waited, how many go together.
package struct JobPolicy: Sendable, Equatable {
    /// So many failures are forgiven; one more and the job is dead.
    package var failuresMax = 8
    /// So many crashes are forgiven; one more and the job is dead.
    package var crashesMax = 3
    /// The first retry comes within this time, each later one within twice the time of the one before …
    package var backoffBaseMilliseconds = 500
    /// … and never later than this.
    package var backoffCapMilliseconds = 300_000
    /// As the cap, for a job that was postponed: what stood in its way may be gone soon.
    package var postponementCapMilliseconds = 20_000
    /// A call of the handler may take this long; then it is cancelled.
    package var handlerMilliseconds = 30_000
    /// A cancelled call may take this long to come back; then its lane is given up.
    package var handlerGraceMilliseconds = 5_000
    /// A job whose consumer has shown no life for this long is taken over by another one.
    package var takeoverIdleMilliseconds = 60_000
    /// One call of the handler gets at most so many jobs …
    package var batchMax = 500
    /// … and of one shard at most so many.
    package var batchPerShardMax = 500
    /// Jobs that have been in one crash are handled in groups of at most so many; after more crashes, alone.
    package var suspectsMax = 16
    /// Jobs that have failed or were postponed are handled in groups of at most so many, apart from those that are new.
    package var triedMax = 16
    /// An idle lane waits in Redis for this long before it looks up, for other shards above all.
    package var blockMilliseconds = 100

    package init() {}

    /// - Throws: `invalid` when a value is outside of what works.
    package func validate() throws(JobQueueError) {
        let ranges: [(String, Int, ClosedRange<Int>)] = [
            ("failuresMax", failuresMax, 0...250), ("crashesMax", crashesMax, 0...250),
            ("backoffBaseMilliseconds", backoffBaseMilliseconds, 1...86_400_000),
            ("backoffCapMilliseconds", backoffCapMilliseconds, 1...86_400_000 * 30),
            ("postponementCapMilliseconds", postponementCapMilliseconds, 1...86_400_000 * 30),
            ("handlerMilliseconds", handlerMilliseconds, 1...86_400_000),
            ("handlerGraceMilliseconds", handlerGraceMilliseconds, 1...600_000),
            ("takeoverIdleMilliseconds", takeoverIdleMilliseconds, 100...86_400_000),
            ("batchMax", batchMax, 1...10_000), ("batchPerShardMax", batchPerShardMax, 1...10_000),
            ("suspectsMax", suspectsMax, 1...1_000), ("triedMax", triedMax, 1...10_000),
            ("blockMilliseconds", blockMilliseconds, 1...60_000),
        ]
        for (name, value, range) in ranges where !range.contains(value) {
            throw JobQueueError(.invalid, "\(name) is \(value), and must be from \(range.lowerBound) to \(range.upperBound)")
        }
        guard backoffCapMilliseconds >= backoffBaseMilliseconds else {
            throw JobQueueError(.invalid, "backoffCapMilliseconds is less than backoffBaseMilliseconds")
        }
    }

    /// Whether a job with so many counts is not tried again.
    package func isDead(failures: Int, crashes: Int) -> Bool { failures > failuresMax || crashes > crashesMax }

    /// How long to wait after the `failures`-th failure (1, 2, …), in milliseconds: anything from 0 to the base doubled with each failure,
    /// so that jobs that failed together do not come back together ("full jitter").
    package func backoffMilliseconds(failures: Int, using random: inout some RandomNumberGenerator) -> Int {
        Int.random(in: 0...limit(time: failures, cap: backoffCapMilliseconds), using: &random)
    }

    /// How long to wait after the `time`-th postponement (1, 2, …), in milliseconds: as after a failure, with another cap.
    package func postponementMilliseconds(time: Int, using random: inout some RandomNumberGenerator) -> Int {
        Int.random(in: 0...limit(time: time, cap: postponementCapMilliseconds), using: &random)
    }

    private func limit(time: Int, cap: Int) -> Int {
        // 2 to the power of 32 times the smallest base is past the largest cap.
        let doubled = backoffBaseMilliseconds.multipliedReportingOverflow(by: 1 << min(max(time - 1, 0), 32))
        return doubled.overflow ? cap : min(doubled.partialValue, cap)
    }
}
