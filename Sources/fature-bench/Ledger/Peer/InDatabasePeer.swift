import Foundation
import PostgresClient

/// The peer: the same work done by PostgreSQL alone, 500 transactions a statement, in a database of its own on the same server.
///
/// It has a copy of the affiliates and the closure, with the index that its question wants, and its transactions wait in a table that is read in order:
/// no client, no network and no parsing stand in its way.
struct InDatabasePeer {
    /// How much of our work the peer does.
    enum Kind: CaseIterable {
        /// Transactions and commissions in one statement: the batch of the baselines.
        case lean
        /// Running totals too, as ours keeps them.
        case withTotals
        /// Accepted in one commit and paid in another, as ours promises: a caller has its answer before anything is computed.
        case inTwoCommits

        var name: String {
            switch self {
            case .lean: "in the database, 500 a statement"
            case .withTotals: "the same, with running totals"
            case .inTwoCommits: "the same, with running totals, accepted in one commit and paid in another"
            }
        }
    }

    struct Figures {
        var transactions: Double
        var entries: Double
    }

    static let batch = 500
    static let clients = 4
    private static let name = "fature_peer"
    private static let stagedCount = 1_000_000

    private let bench: LedgerBench
    private let url: String
    private let connection: PostgresConnection

    init(_ bench: LedgerBench) throws {
        self.bench = bench
        let ours = try bench.cluster.databaseURL
        guard let slash = ours.lastIndex(of: "/") else { throw Shell.Failure(description: "the database's URL has no name") }
        url = ours[...slash] + Self.name
        LedgerBench.say("making the peer's database")
        try bench.connection.executeScript("CREATE DATABASE \(Self.name)")
        connection = try PostgresConnection(
            PostgresConfiguration(url: url, applicationName: "fature-bench", statementTimeoutMilliseconds: 3_600_000))
        try connection.executeScript(PeerSQL.network)
        for (table, columns) in [
            ("affiliates_optimized", "affiliate_id, status"), ("hierarchy_index", "ancestor_id, descendant_id, level_distance"),
        ] {
            try connection.copyIn("COPY \(table) (\(columns)) FROM STDIN (FORMAT binary)") { writer in
                try bench.connection.copyOut("COPY (SELECT \(columns) FROM fature_v2.\(table)) TO STDOUT (FORMAT binary)") {
                    try writer.write($0)
                }
            }
        }
        try connection.copyIn("COPY staged FROM STDIN") { writer in
            for number in 0..<Self.stagedCount {
                let sent = bench.feed.transaction(number)
                try writer.write(
                    "\(number)\t\(sent.affiliate)\t\(sent.isBet ? "bet" : "deposit")\t\(sent.amount)\t\(sent.winnings)\n")
            }
        }
        try connection.executeScript(PeerSQL.indexes)
        for statement in [
            "VACUUM (ANALYZE) affiliates_optimized", "VACUUM (ANALYZE) hierarchy_index", "VACUUM (ANALYZE) staged",
            "ANALYZE rates",
        ] {
            _ = try connection.execute(statement)
        }
    }

    /// Runs the peer with empty books.
    func run(_ kind: Kind, seconds: Int) throws -> Figures {
        LedgerBench.say("\(kind.name), \(seconds) s")
        try connection.executeScript(PeerSQL.books)
        let script = bench.cluster.directory.appendingPathComponent("peer.sql")
        try PeerSQL.script(kind, batch: Self.batch, staged: Self.stagedCount).write(to: script, atomically: true, encoding: .utf8)
        try bench.settle()
        let statements = try PgBench.run(script, on: url, clients: Self.clients, seconds: seconds)
        let result = try connection.execute("SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM commissions)")
        let transactions = Double(try result.int(0, 0))
        guard transactions > 0 else { throw Shell.Failure(description: "the peer wrote no transactions") }
        let rate = statements * Double(Self.batch)
        return Figures(transactions: rate, entries: rate * Double(try result.int(0, 1)) / transactions)
    }

    func drop() throws {
        connection.close()
        try bench.connection.executeScript("DROP DATABASE \(Self.name)")
    }
}
