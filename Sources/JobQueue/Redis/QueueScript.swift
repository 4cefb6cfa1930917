import RedisClient

/// The scripts by which a queue changes: one file in `Scripts` for each, which says what it takes and answers.
enum QueueScript {
    static let take = RedisScript(source: PackageResources.take_lua)
    static let assign = RedisScript(source: PackageResources.assign_lua)
    static let releaseOwn = RedisScript(source: PackageResources.release_own_lua)
    static let finish = RedisScript(source: PackageResources.finish_lua)
    static let retry = RedisScript(source: PackageResources.retry_lua)
    static let bury = RedisScript(source: PackageResources.bury_lua)
    static let promote = RedisScript(source: PackageResources.promote_lua)
    static let takeOver = RedisScript(source: PackageResources.takeover_lua)
    static let recover = RedisScript(source: PackageResources.recover_lua)
    static let forgetConsumers = RedisScript(source: PackageResources.forget_consumers_lua)
    static let sweepAdd = RedisScript(source: PackageResources.sweep_add_lua)
    static let markEpoch = RedisScript(source: PackageResources.mark_epoch_lua)
    static let resetEpoch = RedisScript(source: PackageResources.reset_epoch_lua)
    static let pause = RedisScript(source: PackageResources.pause_lua)
    static let stats = RedisScript(source: PackageResources.stats_lua)
    static let inspect = RedisScript(source: PackageResources.inspect_lua)
    static let find = RedisScript(source: PackageResources.find_lua)
    static let cancel = RedisScript(source: PackageResources.cancel_lua)
}
