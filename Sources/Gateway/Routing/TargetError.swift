/// Why a request target leads nowhere.
package enum TargetError: Error, Equatable, Sendable {
    case notFound
    /// A field of the path or the query is wrong: its name, and what it should be.
    case badField(Field, Expectation)

    package enum Field: UInt8, Sendable {
        case affiliateID, depth, limit, status, cursor, metric, transactionID, commissionID, explain, from, to

        package var name: StaticString {
            switch self {
            case .affiliateID: "affiliate_id"
            case .depth: "depth"
            case .limit: "limit"
            case .status: "status"
            case .cursor: "cursor"
            case .metric: "metric"
            case .transactionID: "transaction_id"
            case .commissionID: "commission_id"
            case .explain: "explain"
            case .from: "from"
            case .to: "to"
            }
        }
    }

    package enum Expectation: UInt8, Sendable {
        case affiliateID, depth, limit, rankingLimit, status, cursor, metric, transactionID, commissionID, commissionStatus
        case commissionLimit, commissionCursor, explain, moment

        package var text: StaticString {
            switch self {
            case .affiliateID: "must be a whole number from 1 to 9223372036854775807"
            case .depth: "must be a whole number from 1 to 1000000"
            case .limit: "must be a whole number from 0 to 1000"
            case .rankingLimit: "must be a whole number from 1 to 1000"
            case .status: "must be one of active, inactive, suspended, banned"
            case .cursor: "must be a next_cursor of an earlier answer for the same affiliate"
            case .metric: "must be one of direct_referrals, network_size, volume, commissions"
            case .transactionID: "must be a whole number from 1 to 9223372036854775807"
            case .commissionID: "must be a transaction's number, a hyphen and an ordinal, as in 1000-1"
            case .commissionStatus: "must be one of pending, approved, paid, cancelled, disputed"
            case .commissionLimit: "must be a whole number from 1 to 1000"
            case .commissionCursor: "must be a next_cursor of an earlier answer for the same list"
            case .explain: "must be true or false"
            case .moment: "must be a date, or a date and time, as in 2026-01-31T12:00:00Z"
            }
        }
    }
}
