import Commission
import Core
import PostgresClient

/// A period that was gathered, and settled unless somebody was interrupted.
package struct SettledPeriod: Sendable, Equatable {
    package let cadence: SettlementPeriod
    /// Its first moment, and the first moment after it; microseconds since 1970 UTC.
    package let start: Int64
    package let end: Int64
    /// Whose terms settle it.
    package let planVersion: Int
    /// The period whose losses are carried in; microseconds since 1970 UTC.
    package let previousStart: Int64?
    /// Those of the period that counted when it was gathered.
    package let transactionsCount: Int64
    /// Microseconds since 1970 UTC; nil: some beneficiaries may not be settled yet.
    package let settledAt: Int64?
    /// What is settled so far.
    package internal(set) var settled: SettledSums

    /// The calendar period it is, or is a part of: `2026-10`, or the Monday of a week.
    package var name: String { "\(RevSharePeriodName(cadence, containing: start))" }
}

/// Settlements of beneficiaries in one period, together.
package struct SettledSums: Sendable, Equatable {
    package var beneficiariesCount: Int64 = 0
    /// Beneficiaries who earn something: an entry of the ledger each.
    package var entriesCount: Int64 = 0
    /// What they earn.
    package var amount: Money = .zero
    /// What is carried into the next period, negative or 0.00.
    package var carriedOut: Money = .zero
}

extension SettledPeriod {
    /// Every period, the oldest first, or the one that begins at a moment.
    ///
    /// - Parameter isSummingUp: add up what is settled so far, which reads all of it.
    static func load(
        startingAt start: Int64? = nil, isSummingUp: Bool = true, on connection: PostgresConnection
    ) throws -> [SettledPeriod] {
        let result = try connection.execute(
            """
            SELECT p.cadence, \(micros("p.period_start")), \(micros("p.period_end")), p.plan_version, \(micros("p.previous_start")),
                p.transactions_count, \(micros("p.settled_at")), s.beneficiaries, s.entries, s.amount, s.carried
            FROM fature_v2.revshare_period AS p
            CROSS JOIN LATERAL (
                SELECT count(*) AS beneficiaries, count(*) FILTER (WHERE amount > 0) AS entries,
                    (coalesce(sum(amount), 0) * 100)::bigint AS amount, (coalesce(sum(carried_out), 0) * 100)::bigint AS carried
                FROM fature_v2.revshare_settlement WHERE period_start = p.period_start AND $2
            ) AS s
            WHERE $1::timestamptz IS NULL OR p.period_start = $1::timestamptz
            ORDER BY p.period_start
            """, [.optionalText(start.map(timestamp)), .bool(isSummingUp)])
        return try (0..<result.rowCount).map { row in
            let word = try result.text(row, 0)
            guard let cadence = SettlementPeriod(name: word) else {
                throw StoreError(.unexpectedAnswer, "the database has a RevShare period of the cadence '\(word)'")
            }
            return SettledPeriod(
                cadence: cadence, start: try result.int(row, 1), end: try result.int(row, 2),
                planVersion: Int(try result.int(row, 3)), previousStart: try result.optionalInt(row, 4),
                transactionsCount: try result.int(row, 5), settledAt: try result.optionalInt(row, 6),
                settled: SettledSums(
                    beneficiariesCount: try result.int(row, 7), entriesCount: try result.int(row, 8),
                    amount: Money(minorUnits: try result.int(row, 9)), carriedOut: Money(minorUnits: try result.int(row, 10))))
        }
    }

    private static func micros(_ column: String) -> String { "(extract(epoch FROM \(column)) * 1000000)::bigint" }

    /// A moment (microseconds since 1970 UTC) as PostgreSQL reads it, exactly.
    static func timestamp(_ microseconds: Int64) -> String {
        let bytes = ByteBuilder()
        bytes.appendRFC3339(unixMicroseconds: microseconds)
        return String(decoding: bytes.bytes, as: UTF8.self)
    }
}
