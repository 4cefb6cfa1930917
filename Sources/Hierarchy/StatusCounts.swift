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

    /// Counts `column[low..<high]`, eight affiliates at a time: a status is two bits of its byte.
    init(counting column: Column<UInt8>, _ low: Int, _ high: Int) {
        precondition(low >= 0 && low <= high && high <= column.count, "a range outside the column")
        let bytes = UnsafeRawPointer(column.start)
        let ones: UInt64 = 0x0101_0101_0101_0101
        var (lowBits, highBits, bothBits) = (0, 0, 0)
        var at = low
        while high - at >= 8 {
            // A byte of a sum holds at most 255, so each is emptied after as many words.
            let end = at + min((high - at) / 8, 255) * 8
            var (lowSum, highSum, bothSum) = (UInt64(0), UInt64(0), UInt64(0))
            while at < end {
                let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                lowSum &+= word & ones
                highSum &+= (word >> 1) & ones
                bothSum &+= word & (word >> 1) & ones
                at += 8
            }
            lowBits += Self.sumOfBytes(lowSum)
            highBits += Self.sumOfBytes(highSum)
            bothBits += Self.sumOfBytes(bothSum)
        }
        inactive = lowBits - bothBits
        suspended = highBits - bothBits
        banned = bothBits
        active = at - low - inactive - suspended - banned
        for i in at..<high { self[AffiliateStatus(stored: column[i])] += 1 }
    }

    private static func sumOfBytes(_ word: UInt64) -> Int {
        let pairs = (word & 0x00FF_00FF_00FF_00FF) + ((word >> 8) & 0x00FF_00FF_00FF_00FF)
        return Int((pairs &* 0x0001_0001_0001_0001) >> 48)
    }

    static func += (a: inout Self, b: Self) {
        a.active += b.active
        a.inactive += b.inactive
        a.suspended += b.suspended
        a.banned += b.banned
    }
}
