import Core
import Foundation
import PostgresClient

/// What all stages of the ledger's benchmark share: the cluster, the load's transactions, and a connection to look at the ledger with.
struct LedgerBench {
    let options: LedgerOptions
    let cluster: BenchCluster
    private(set) var connection: PostgresConnection
    let gauge: WaitingGauge
    let picker: AffiliatePicker
    let feed: TransactionFeed
    let book = NumberBook()

    static let connections = 4
    private static let statementTimeoutMilliseconds = 3_600_000

    init(_ options: LedgerOptions, _ cluster: BenchCluster) throws {
        self.options = options
        self.cluster = cluster
        connection = try Self.connect(cluster)
        gauge = try WaitingGauge(try cluster.redisURL)
        // An inactive affiliate may not transact, and would be refused.
        var affiliates: [Int64] = []
        try connection.copyOut(
            "COPY (SELECT affiliate_id FROM fature_v2.affiliates_optimized WHERE status = 'active' ORDER BY affiliate_id) TO STDOUT"
        ) { row in
            affiliates.append(row.prefix { $0 != 10 }.reduce(0) { $0 * 10 + Int64($1 - 48) })
        }
        guard !affiliates.isEmpty else { throw Shell.Failure(description: "there are no active affiliates") }
        picker = AffiliatePicker(affiliates, exponent: options.zipf, seed: options.seed)
        feed = TransactionFeed(picker, betsPercent: options.betsPercent, seed: options.seed)
    }

    private static func connect(_ cluster: BenchCluster) throws -> PostgresConnection {
        let connection = try PostgresConnection(
            PostgresConfiguration(
                url: try cluster.databaseURL, applicationName: "fature-bench",
                statementTimeoutMilliseconds: statementTimeoutMilliseconds))
        // Sums and joins over everything that was written, at the end.
        try connection.executeScript("SET work_mem = '512MB'; SET max_parallel_workers_per_gather = 2")
        return connection
    }

    /// Looks at the ledger through a new connection, once PostgreSQL takes one.
    mutating func connectAnew(withinSeconds seconds: Int) throws {
        let deadline = Deadline.after(milliseconds: seconds * 1000)
        while true {
            do {
                connection = try Self.connect(cluster)
                return
            } catch {
                guard !deadline.hasPassed else { throw error }
                usleep(100_000)
            }
        }
    }

    var clock: LedgerClock { LedgerClock(connection: connection) }

    func load(_ pace: TransactionLoad.Pace, batch: Int? = nil, seconds: Int? = nil, countMax: Int = .max) throws
        -> TransactionLoad
    {
        try TransactionLoad(
            port: cluster.port, connections: Self.connections, feed: feed, book: book, pace: pace, batch: batch ?? options.batch,
            seconds: seconds ?? options.seconds, countMax: countMax)
    }

    /// The closed loop that finds the most: as much as is paid.
    var closedPace: TransactionLoad.Pace {
        .closed(inFlight: options.inFlight, gauge: gauge, waitingMax: options.waitingMax)
    }

    /// Each stage begins behind a checkpoint, peers too: none pays for the pages that another has written.
    func settle() throws {
        try clock.waitUntilDrained()
        try connection.executeScript("CHECKPOINT")
    }

    func processTimes() throws -> ProcessTimes { try ProcessTimes(try cluster.processes) }

    /// Progress, on standard error, behind the tables that are complete.
    static func say(_ text: String) {
        fflush(nil)
        FileHandle.standardError.write(Data("fature-bench: \(text)\n".utf8))
    }
}
