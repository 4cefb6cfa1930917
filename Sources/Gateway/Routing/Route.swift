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
    case rankings(RankingQuestion)
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
        case .rankings: .rankings
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
        case .affiliates, .move, .transactions: "POST"
        default: "GET, HEAD"
        }
    }

    package func allows(_ method: RequestMethod) -> Bool {
        switch (self, method) {
        case (.affiliates, .post), (.move, .post), (.transactions, .post), (.affiliate, .patch): true
        case (.affiliates, _), (.move, _), (.transactions, _): false
        case (_, .get), (_, .head): true
        default: false
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
    case affiliate, network, upline, statusCounts, affiliates, move, transactions, rankings, statistics, health, ready, metrics,
        none

    package var label: StaticString {
        switch self {
        case .affiliate: "/api/v2/affiliates/{id}"
        case .network: "/api/v2/affiliates/{id}/network"
        case .upline: "/api/v2/affiliates/{id}/upline"
        case .statusCounts: "/api/v2/affiliates/{id}/statuses"
        case .affiliates: "/api/v2/affiliates"
        case .move: "/api/v2/affiliates/{id}/move"
        case .transactions: "/api/v2/transactions"
        case .rankings: "/api/v2/rankings"
        case .statistics: "/api/v2/stats"
        case .health: "/health"
        case .ready: "/ready"
        case .metrics: "/metrics"
        case .none: "none"
        }
    }
}
