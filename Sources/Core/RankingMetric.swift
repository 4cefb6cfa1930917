/// What affiliates are ranked by. The raw value travels in frames.
package enum RankingMetric: UInt8, Sendable, CaseIterable {
    case directReferrals = 0
    case networkSize = 1

    /// The word for it in a query and in JSON.
    package var name: StaticString {
        switch self {
        case .directReferrals: "direct_referrals"
        case .networkSize: "network_size"
        }
    }
}
