import Core

/// What a consumer tells its owner, who logs it or acts on it.
package enum JobConsumerEvent: Sendable {
    /// These shards' queues have no epoch marker: refill them, then `markEpoch`. Told again every few seconds until there is one.
    case wiped([ShardID])
    /// A later owner has marked these shards. Nothing is taken from them until `setShards` names another epoch.
    case stale([ShardID])
    /// The keys of these shards hold what is not ours, in Redis' words: their jobs wait, those of others go on. Told again every minute.
    case broken([ShardID: String])
    /// Redis cannot be reached, or answers with errors; tried again until it works.
    case redisFailed(String)
    /// The handler cannot work or cannot be made; tried again until it can.
    case handlerUnavailable(String)
    /// Dead letters could not be written to their sink; their jobs are released.
    case sinkFailed(String)
    /// A handler did not come back. Another lane goes on, and these jobs have one more crash.
    case laneLost(ConsumerName, jobs: Int)
    /// Too many handlers did not come back: this lane is not replaced any more. The process should end.
    case laneNotReplaced(lane: Int)
    /// Jobs were found that nobody had in hand and nobody would have been given: they are released. See `JobQueue.recoverStrays`.
    case recovered(jobs: Int)
    /// Redis gave answers that nobody understands when these jobs were to be ended, delayed or buried. They are taken over later.
    case unsettled(jobs: Int, String)
}
