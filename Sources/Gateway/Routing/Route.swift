import Core
import Frames
import HTTP2

/// What a request asks for, out of its method and target. Plain data: a slot keeps it while a worker is asked.
package enum Route: Equatable, Sendable {
    case affiliate(AffiliateID)
    case network(NetworkPage)
    case upline(AffiliateID)
    case statusCounts(AffiliateID, depth: UInt32)
    case affiliates
    case move(AffiliateID)
    case transactions
    case transaction(TransactionID)
    case transactionCommissions(TransactionID, explain: Bool)
    case reverse(TransactionID)
    /// The query is read by `TargetParser.commissionListing`: a slot keeps plain data only.
    case affiliateCommissions(AffiliateID)
    case totals(AffiliateID)
    case decision(CommissionID)
    case decisions
    case rankings(RankingQuestion)
    case ledgerRanking(TotalsMetric, limit: UInt32)
    case statistics
    case health
    case ready
    case metrics

    /// The name of the route in metrics and logs; ids are not part of it.
    package var name: RouteName {
        switch self {
        case .affiliate: .affiliate
        case .network: .network
        case .upline: .upline
        case .statusCounts: .statusCounts
        case .affiliates: .affiliates
        case .move: .move
        case .transactions: .transactions
        case .transaction: .transaction
        case .transactionCommissions: .transactionCommissions
        case .reverse: .reverse
        case .affiliateCommissions: .affiliateCommissions
        case .totals: .totals
        case .decision: .decision
        case .decisions: .decisions
        case .rankings, .ledgerRanking: .rankings
        case .statistics: .statistics
        case .health: .health
        case .ready: .ready
        case .metrics: .metrics
        }
    }

    /// The methods it answers, as the `Allow` header lists them.
    package var allowedMethods: StaticString {
        switch self {
        case .affiliate: "GET, HEAD, PATCH"
        case .affiliates, .move, .transactions, .reverse, .decision, .decisions: "POST"
        default: "GET, HEAD"
        }
    }

    package func allows(_ method: RequestMethod) -> Bool {
        switch self {
        case .affiliates, .move, .transactions, .reverse, .decision, .decisions: method == .post
        case .affiliate where method == .patch: true
        default: method == .get || method == .head
        }
    }
}

/// A question about a network, as the query spells it.
package struct NetworkPage: Equatable, Sendable {
    package var affiliate: AffiliateID
    package var depth: UInt32 = depthDefault
    package var limit: UInt32 = limitDefault
    package var status: AffiliateStatus?
    package var cursor: NetworkCursor?

    package static let depthDefault: UInt32 = 5
    package static let depthMax: UInt32 = 1_000_000
    package static let limitDefault: UInt32 = 50
    package static let limitMax: UInt32 = 1000
}

/// The routes by name, for counters in arrays and labels in metrics.
package enum RouteName: UInt8, CaseIterable, Sendable {
    case affiliate, network, upline, statusCounts, affiliates, move, affiliateCommissions, totals, transactions, transaction
    case transactionCommissions, reverse, decision, decisions, rankings, statistics, health, ready, metrics, none

    package var label: StaticString {
        switch self {
        case .affiliate: "/api/v2/affiliates/{id}"
        case .network: "/api/v2/affiliates/{id}/network"
        case .upline: "/api/v2/affiliates/{id}/upline"
        case .statusCounts: "/api/v2/affiliates/{id}/statuses"
        case .affiliates: "/api/v2/affiliates"
        case .move: "/api/v2/affiliates/{id}/move"
        case .affiliateCommissions: "/api/v2/affiliates/{id}/commissions"
        case .totals: "/api/v2/affiliates/{id}/totals"
        case .transactions: "/api/v2/transactions"
        case .transaction: "/api/v2/transactions/{id}"
        case .transactionCommissions: "/api/v2/transactions/{id}/commissions"
        case .reverse: "/api/v2/transactions/{id}/reverse"
        case .decision: "/api/v2/commissions/{id}/status"
        case .decisions: "/api/v2/commissions/status"
        case .rankings: "/api/v2/rankings"
        case .statistics: "/api/v2/stats"
        case .health: "/health"
        case .ready: "/ready"
        case .metrics: "/metrics"
        case .none: "none"
        }
    }

    /// Whether those who watch the cluster ask for it, and not its callers.
    var isForOperators: Bool { self == .health || self == .ready || self == .metrics }
}
