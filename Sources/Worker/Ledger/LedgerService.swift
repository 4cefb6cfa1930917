import Core
import JobQueue
import Logging
import PostgresClient
import RedisClient

/// Everything of the ledger that goes on beside the event loop: feeding jobs to Redis, sweeping, paying.
///
/// Its threads are its own; a slow PostgreSQL or a Redis that is away never holds up reads.
final class LedgerService: Sendable {
    private let owned = OwnedShards()
    private let feed: JobFeed
    private let sweeper: Sweeper
    private let consumer: JobConsumer
    let meter = PaymentMeter()

    /// - Throws: `PostgresError` or `RedisError` for an address that cannot be read.
    init(databaseURL: String, redisURL: String, worker: String, lanes: Int, logger: Logger) throws {
        func database(_ purpose: String) throws -> PostgresConfiguration {
            try PostgresConfiguration(
                url: databaseURL, applicationName: "fature worker \(worker) \(purpose)",
                statementTimeoutMilliseconds: Self.statementMillisecondsMax)
        }
        let redis = try RedisConfiguration(url: redisURL)
        feed = JobFeed(redis: redis, logger: logger)
        sweeper = Sweeper(postgres: try database("sweeper"), redis: redis, owned: owned, feed: feed, logger: logger)
        let payments = try database("payments")
        let owned = owned
        let meter = meter
        consumer = try JobConsumer(
            .commission, redis: redis, policy: Self.policy, lanes: lanes,
            sink: DeadLetterOffice(configuration: try database("dead letters"), owned: owned), logger: logger
        ) { CommissionHandler(configuration: payments, owned: owned, meter: meter) }
    }

    private static let statementMillisecondsMax = 20_000

    private static var policy: JobPolicy {
        var policy = JobPolicy()
        policy.batchMax = 2000
        policy.batchPerShardMax = 2000
        policy.handlerMilliseconds = 20_000
        policy.blockMilliseconds = 50
        return policy
    }
}
