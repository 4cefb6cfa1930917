import Core

/// How many affiliates have each status.
package struct StatusCounts: Hashable, Sendable {
    package var active = 0
    package var inactive = 0
    package var suspended = 0
    package var banned = 0

    package init() {}

    package var total: Int { active + inactive + suspended + banned }

    package subscript(_ status: AffiliateStatus) -> Int {
        get {
            switch status {
            case .active: active
            case .inactive: inactive
            case .suspended: suspended
            case .banned: banned
            }
        }
        set {
            switch status {
            case .active: active = newValue
            case .inactive: inactive = newValue
            case .suspended: suspended = newValue
            case .banned: banned = newValue
            }
        }
    }

    /// Counts `column[low..<high]`.
    init(counting column: Column<UInt8>, _ low: Int, _ high: Int) {
        var inactive = 0
        var suspended = 0
        var banned = 0
        for i in low..<high {
            let status = column[i]
            inactive &+= status == AffiliateStatus.inactive.rawValue ? 1 : 0
            suspended &+= status == AffiliateStatus.suspended.rawValue ? 1 : 0
            banned &+= status == AffiliateStatus.banned.rawValue ? 1 : 0
        }
        self.inactive = inactive
        self.suspended = suspended
        self.banned = banned
        self.active = high - low - inactive - suspended - banned
    }

    static func += (a: inout Self, b: Self) {
        a.active += b.active
        a.inactive += b.inactive
        a.suspended += b.suspended
        a.banned += b.banned
    }
}
