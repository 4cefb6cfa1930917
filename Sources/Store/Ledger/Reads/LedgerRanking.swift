import Core
import PostgresClient

/// The affiliates with the highest of one of their running totals.
package enum LedgerRanking {
    package struct Line: Sendable, Equatable {
        package var affiliate: Int64
        /// A decimal text, more than 0.
        package var value: String

        package init(affiliate: Int64, value: String) {
            self.affiliate = affiliate
            self.value = value
        }
    }

    package static let linesMax = 1000

    /// The first `linesMax`: highest first, among equals the smaller number. Reads all totals: no index on what changes all the time.
    package static func top(
        _ metric: TotalsMetric, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [Line] {
        let column =
            switch metric {
            case .volume: "lifetime_volume"
            case .commissions: "commissions_earned"
            }
        let result = try connection.execute(
            """
            SELECT t.affiliate_id, t.\(column)::text FROM fature_v2.affiliate_totals t WHERE t.\(column) > 0
            ORDER BY t.\(column) DESC, t.affiliate_id LIMIT $1
            """, [.int(Int64(linesMax))], timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { Line(affiliate: try result.int($0, 0), value: try result.text($0, 1)) }
    }
}
