/// One kind of request, and how often it is chosen.
package struct WeightedOperation: Sendable, Codable, Equatable {
    /// As reports name it; unique in a scenario.
    package var name: String
    package var operation: LoadOperation
    package var weight: Double
    /// Statuses beside 2xx that count as `ok`.
    package var expectedStatuses: [Int]

    package init(name: String, operation: LoadOperation, weight: Double, expectedStatuses: [Int] = []) {
        self.name = name
        self.operation = operation
        self.weight = weight
        self.expectedStatuses = expectedStatuses
    }
}

/// What is asked. Affiliates are chosen by the scenario's `AffiliateChoice`.
package enum LoadOperation: Sendable, Codable, Equatable {
    /// GET /api/v2/affiliates/{id}/network?depth=&limit=
    case network(depth: Int, limit: Int)
    /// GET /api/v2/affiliates/{id}/upline
    case upline
    /// GET /api/v2/affiliates/{id}
    case affiliate
    /// GET /api/v2/rankings?metric=&limit=
    case rankings(metric: String, limit: Int)
    /// POST /api/v2/affiliates below a chosen sponsor
    case join
    /// POST /api/v2/affiliates/{id}/move of a leaf, below a chosen sponsor who is none
    case move
    /// POST /api/v2/transactions: so many a request; bets in percent, the rest deposits
    case transactions(batch: Int, betsPercent: Int)
    /// GET of a path as it stands: for other servers and for calibration
    case path(String)

    /// Whether it changes something.
    package var isWrite: Bool {
        switch self {
        case .join, .move, .transactions: true
        case .network, .upline, .affiliate, .rankings, .path: false
        }
    }
}
