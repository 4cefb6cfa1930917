/// What an affiliate is allowed to do. Only `active` affiliates earn.
package enum AffiliateStatus: UInt8, CaseIterable, Sendable {
    case active = 0
    case inactive = 1
    case suspended = 2
    case banned = 3

    /// The word for it in SQL, JSON, CSV and documentation.
    package var name: StaticString {
        switch self {
        case .active: "active"
        case .inactive: "inactive"
        case .suspended: "suspended"
        case .banned: "banned"
        }
    }

    /// The status a word stands for, or nil if the word is not one of the four.
    package init?(name: some StringProtocol) {
        switch name {
        case "active": self = .active
        case "inactive": self = .inactive
        case "suspended": self = .suspended
        case "banned": self = .banned
        default: return nil
        }
    }
}
