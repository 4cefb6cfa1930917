/// A running total by which affiliates are ranked.
package enum TotalsMetric: UInt8, Sendable, CaseIterable {
    /// Deposits and bets.
    case volume = 0
    /// Commissions that are not cancelled, reversals included.
    case commissions = 1

    /// The word for it in a query and in JSON.
    package var name: StaticString {
        switch self {
        case .volume: "volume"
        case .commissions: "commissions"
        }
    }
}
