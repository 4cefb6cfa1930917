import Core
import Store
import Telemetry

/// What an event loop needs from outside itself.
protocol GatewayServices: AnyObject, Sendable {
    /// Asks PostgreSQL which shards affiliates are in; nil when it does not answer. Calls back on any thread.
    func locate(_ ids: [Int64], _ done: @escaping @Sendable ([Int64: LocatedShard]?) -> Void)
    /// Asks or changes the ledger, in PostgreSQL. What has not begun by `deadline` is not begun. Calls back on any thread.
    func askLedger(
        _ question: LedgerQuestion, deadline: MonotonicNanoseconds, _ done: @escaping @Sendable (LedgerAnswer) -> Void)
    /// Somebody has seen that the topology is behind.
    func refreshTopology()
    /// A loop has learned so much that the shared table should be built anew.
    func refreshDirectory()
    /// Whether PostgreSQL and Redis answered when they were last asked.
    var health: HealthReport { get }
    /// Statements sent to PostgreSQL since the start, by purpose.
    var databaseQueries: [(purpose: String, count: Int)] { get }
    /// The counters of all event loops, added up.
    func collectMetrics(_ done: @escaping @Sendable (RequestMetrics) -> Void)
}

/// What the background checks found.
struct HealthReport: Sendable {
    enum Answer: String, Sendable { case ok, down, unknown, notConfigured = "not_configured" }
    var postgres = Answer.unknown
    var postgresMicroseconds: Int64 = 0
    var redis = Answer.unknown
    var redisMicroseconds: Int64 = 0
    /// What the workers last said about their queues, and how many dead letters wait for a person, by queue.
    var queues: [QueueFigures] = []
    var deadLetters: [String: Int64] = [:]
}
