import Core
import Foundation
import PostgresClient
import Telemetry

/// When transactions were accepted and when their commissions were committed, from PostgreSQL itself, read after the load so that reading disturbs
/// nothing.
///
/// A transaction's row says when it was accepted. The version of the row that says "processed" was written by the paying transaction (as were its
/// entries), and `track_commit_timestamp` keeps when that one committed. The stamp is taken when the commit record is written, before it is
/// flushed to disk: the flush is measured beside it (`WriteAheadLog`).
struct LedgerClock {
    let connection: PostgresConnection

    static let windowSeconds = 5

    /// Counts by window, from the first whole window of a load to its last.
    struct Windows {
        var accepted: [Int64] = []
        var paid: [Int64] = []
        var entries: [Int64] = []
    }

    struct Latency {
        /// Microseconds.
        var p50: Int64 = 0
        var p99: Int64 = 0
        var p999: Int64 = 0
        var most: Int64 = 0
        var cells: [String] { [p50, p99, p999, most].map { Figure.milliseconds(microseconds: $0) } }
    }

    /// - Parameters:
    ///   - start: of the load, microseconds since 1970.
    ///   - end: of the load; what is accepted or paid later is left out.
    func windows(from start: Int64, to end: Int64) throws -> Windows {
        let count = Int((end - start) / 1_000_000) / Self.windowSeconds
        var windows = Windows()
        windows.accepted = try counts(Self.acceptedSQL, start, count)
        windows.paid = try counts(Self.paidSQL, start, count)
        windows.entries = try counts(Self.entriesSQL, start, count)
        return windows
    }

    private func counts(_ sql: String, _ start: Int64, _ count: Int) throws -> [Int64] {
        let result = try connection.execute(sql, [.int(start), .int(Int64(Self.windowSeconds))])
        var counts = [Int64](repeating: 0, count: count)
        for row in 0..<result.rowCount {
            let window = Int(try result.int(row, 0))
            if counts.indices.contains(window) { counts[window] = try result.int(row, 1) }
        }
        return counts
    }

    /// Of the transactions accepted from `start` on.
    func latency(from start: Int64) throws -> Latency {
        let result = try connection.execute(Self.latencySQL, [.int(start)])
        let values = try result.intArray(0, 0).map { $0 ?? 0 }
        guard values.count == 4 else { return Latency() }
        return Latency(p50: values[0], p99: values[1], p999: values[2], most: values[3])
    }

    /// How many accepted since `start` were not paid yet at `moment`, and when the last of them was (microseconds since 1970).
    func backlog(from start: Int64, at moment: Int64) throws -> (waiting: Int64, lastPaidAt: Int64) {
        let result = try connection.execute(Self.backlogSQL, [.int(start), .int(moment)])
        return (try result.int(0, 0), try result.int(0, 1))
    }

    /// Waits until nothing waits for its commissions any more.
    func waitUntilDrained(secondsMax: Int = 1800) throws {
        let deadline = Deadline.after(milliseconds: secondsMax * 1000)
        while try connection.execute(Self.waitingSQL).bool(0, 0) {
            try Interruption.check()
            guard !deadline.hasPassed else {
                throw Shell.Failure(description: "transactions still wait for their commissions after \(secondsMax) s")
            }
            usleep(100_000)
        }
    }

    // MARK: SQL

    private static let epoch = "timestamptz 'epoch' + $1 * interval '1 microsecond'"
    private static let waitingSQL = """
        SELECT EXISTS (SELECT FROM fature_v2.transactions WHERE NOT commission_processed AND NOT commission_dead)
        """
    private static let acceptedSQL = """
        SELECT floor(extract(epoch FROM accepted_at - (\(epoch))) / $2)::bigint, count(*)
        FROM fature_v2.transactions WHERE accepted_at >= \(epoch) GROUP BY 1
        """
    // One look-up of a commit's time for each paying transaction, not for each row.
    private static let paidSQL = """
        SELECT floor(extract(epoch FROM pg_xact_commit_timestamp(payer) - (\(epoch))) / $2)::bigint, sum(n)::bigint
        FROM (
            SELECT xmin AS payer, count(*) AS n FROM fature_v2.transactions
            WHERE accepted_at >= \(epoch) AND commission_processed GROUP BY xmin
        ) AS paid GROUP BY 1
        """
    private static let entriesSQL = """
        SELECT floor(extract(epoch FROM pg_xact_commit_timestamp(payer) - (\(epoch))) / $2)::bigint, sum(n)::bigint
        FROM (
            SELECT xmin AS payer, count(*) AS n FROM fature_v2.commissions WHERE created_at >= \(epoch) GROUP BY xmin
        ) AS paid GROUP BY 1
        """
    private static let latencySQL = """
        SELECT coalesce(percentile_disc(ARRAY[0.5, 0.99, 0.999, 1]) WITHIN GROUP (ORDER BY waited), '{}')
        FROM (
            SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin) - accepted_at) * 1000000)::bigint AS waited
            FROM fature_v2.transactions WHERE accepted_at >= \(epoch) AND commission_processed
        ) AS paid
        """
    private static let backlogSQL = """
        SELECT count(*) FILTER (WHERE accepted_at < moment AND (paid_at IS NULL OR paid_at >= moment)),
            coalesce((extract(epoch FROM max(paid_at)) * 1000000)::bigint, 0)
        FROM (
            SELECT accepted_at, timestamptz 'epoch' + $2 * interval '1 microsecond' AS moment,
                CASE WHEN commission_processed THEN pg_xact_commit_timestamp(xmin) END AS paid_at
            FROM fature_v2.transactions WHERE accepted_at >= \(epoch)
        ) AS load
        """
}
