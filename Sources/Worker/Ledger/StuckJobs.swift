import Core
import JobQueue
import RedisClient
import Store

/// Gives transactions a job by hand, as the sweeper of their shard's owner does: only those that can have none, and no queue more than it may
/// hold.
package enum StuckJobs {
    /// - Returns: how many jobs were added.
    package static func give(_ orders: [CommissionPayment.Order], _ queue: JobQueue) throws -> Int {
        var stats: [ShardID: QueueStats] = [:]
        for one in try queue.stats(Set(orders.map(\.shard)).sorted()) { stats[one.shard] = one }
        var room = stats.mapValues { Sweeper.jobsPerShardMax - $0.waiting }
        let missing = orders.filter { order in
            guard let one = stats[order.shard], let left = room[order.shard], left > 0 else { return false }
            // What is older than the oldest job in the stream is not behind it.
            let oldest = one.oldestMilliseconds.map(Timestamp.microseconds(ofMilliseconds:)) ?? .max
            guard order.acceptedAtMicroseconds < oldest else { return false }
            room[order.shard] = left - 1
            return true
        }
        return try queue.sweepAdd(missing.map { try CommissionJob.job(for: $0) }).count { $0 == .added }
    }
}
