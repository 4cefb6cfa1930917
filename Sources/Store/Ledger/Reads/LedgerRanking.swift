import Core
import PostgresClient

/// The affiliates with the highest of one of their running totals.
package enum LedgerRanking {
    package enum Metric: UInt8, CaseIterable, Sendable {
        case volume
        case commissions

        /// The word for it in a query and in JSON.
        package var name: StaticString {
            switch self {
            case .volume: "volume"
            case .commissions: "commissions"
            }
        }

        var column: String {
            switch self {
            case .volume: "lifetime_volume"
            case .commissions: "commissions_earned"
            }
        }
    }

    package struct Line: Sendable, Equatable {
        package var affiliate: Int64
        /// A decimal text, more than 0.
        package var value: String
    }

    package static let linesMax = 1000

    /// The first `linesMax`: highest first, among equals the smaller number. Reads all totals: no index on what changes all the time.
    package static func top(
        _ metric: Metric, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [Line] {
        let result = try connection.execute(
            """
            SELECT t.affiliate_id, t.\(metric.column)::text FROM fature_v2.affiliate_totals t WHERE t.\(metric.column) > 0
            ORDER BY t.\(metric.column) DESC, t.affiliate_id LIMIT $1
            """, [.int(Int64(linesMax))], timeoutMilliseconds: timeoutMilliseconds)
        return try (0..<result.rowCount).map { Line(affiliate: try result.int($0, 0), value: try result.text($0, 1)) }
    }
}
