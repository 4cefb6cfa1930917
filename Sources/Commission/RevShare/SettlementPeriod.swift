import Core

/// How often RevShare is settled. Periods are those of the calendar in UTC.
package enum SettlementPeriod: UInt8, CaseIterable, Sendable {
    /// From the first day of a month.
    case monthly = 0
    /// From Monday.
    case weekly = 1

    /// The word for it in plans.
    package var name: StaticString {
        switch self {
        case .monthly: "monthly"
        case .weekly: "weekly"
        }
    }

    /// The period a word stands for, or nil if the word is neither.
    package init?(name: some StringProtocol) {
        switch name {
        case "monthly": self = .monthly
        case "weekly": self = .weekly
        default: return nil
        }
    }

    /// The first moment of the period that holds a date, and of the next one; microseconds since 1970 UTC.
    package func bounds(containing date: Int64) -> (start: Int64, end: Int64) {
        switch self {
        case .monthly:
            let day = CivilTime(unixMicroseconds: date)
            let next = day.month == 12 ? (day.year + 1, 1) : (day.year, day.month + 1)
            return (
                CivilTime.days(year: day.year, month: day.month, day: 1) * CivilTime.microsecondsPerDay,
                CivilTime.days(year: next.0, month: next.1, day: 1) * CivilTime.microsecondsPerDay
            )
        case .weekly:
            var days = date / CivilTime.microsecondsPerDay
            if date % CivilTime.microsecondsPerDay < 0 { days -= 1 }
            // 1970-01-01 was a Thursday, so day −3 was a Monday.
            var dayOfWeek = (days + 3) % 7
            if dayOfWeek < 0 { dayOfWeek += 7 }
            let start = (days - dayOfWeek) * CivilTime.microsecondsPerDay
            return (start, start + 7 * CivilTime.microsecondsPerDay)
        }
    }
}
