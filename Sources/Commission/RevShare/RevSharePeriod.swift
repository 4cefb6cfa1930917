import Core

/// A stretch of time that RevShare is settled for as a whole: a calendar month or week, or the part of it in which plans with RevShare of
/// that cadence hold.
package struct RevSharePeriod: Equatable, Sendable {
    package let cadence: SettlementPeriod
    /// Its first moment, and the first moment after it; microseconds since 1970 UTC.
    package let start: Int64
    package let end: Int64
    /// The version that holds at its last moment: its terms settle all of the period.
    package let planVersion: Int
}

/// The calendar period that somebody asks for.
package struct RevSharePeriodName: Equatable, Sendable, CustomStringConvertible {
    package let cadence: SettlementPeriod
    /// Its first moment, and the first moment after it; microseconds since 1970 UTC.
    package let start: Int64
    package let end: Int64

    /// Reads a month, `2026-10`, or a week by its Monday, `2026-10-12`. Nil for anything else, also for a day that is no Monday.
    package init?(_ text: some StringProtocol) {
        let isMonth = text.utf8.count == 7
        guard isMonth || text.utf8.count == 10, let start = Timestamp.parse((isMonth ? "\(text)-01" : "\(text)").utf8) else {
            return nil
        }
        let cadence: SettlementPeriod = isMonth ? .monthly : .weekly
        let bounds = cadence.bounds(containing: start)
        guard bounds.start == start else { return nil }
        self.init(cadence, containing: start)
    }

    /// The calendar period that holds a date (microseconds since 1970 UTC).
    package init(_ cadence: SettlementPeriod, containing date: Int64) {
        self.cadence = cadence
        (start, end) = cadence.bounds(containing: date)
    }

    /// As `init` reads it.
    package var description: String {
        let bytes = ByteBuilder()
        bytes.appendRFC3339(unixMicroseconds: start)
        return String(decoding: bytes.bytes.prefix(cadence == .monthly ? 7 : 10), as: UTF8.self)
    }
}

extension PlanBook {
    /// The period that holds a date (microseconds since 1970 UTC), or nil if no plan with RevShare does.
    package func revSharePeriod(at date: Int64) -> RevSharePeriod? {
        guard let index = index(at: date), let run = revShareRun(at: index), let rule = plans[index].revShare else { return nil }
        let calendar = rule.period.bounds(containing: date)
        let start = max(calendar.start, run.start)
        let end = min(calendar.end, run.end)
        guard let last = plan(at: end - 1) else { return nil }
        return RevSharePeriod(cadence: rule.period, start: start, end: end, planVersion: last.version)
    }

    /// The period before one, or nil if it is the first.
    package func revSharePeriod(before period: RevSharePeriod) -> RevSharePeriod? {
        var date = period.start - 1
        while let index = index(at: date) {
            if let found = revSharePeriod(at: date) { return found }
            // Nothing holds RevShare in this version: what was before it?
            date = plans[index].effectiveFrom - 1
        }
        return nil
    }

    /// The periods of a calendar month or week, in order: one as a rule, none if no plan with RevShare of that cadence holds in it, more if
    /// such plans hold in parts of it.
    package func revSharePeriods(in name: RevSharePeriodName) -> [RevSharePeriod] {
        var found: [RevSharePeriod] = []
        var date = name.start
        while date < name.end {
            if let period = revSharePeriod(at: date) {
                if period.cadence == name.cadence { found.append(period) }
                date = period.end
            } else if let next = plans.first(where: { $0.effectiveFrom > date }) {
                date = next.effectiveFrom
            } else {
                break
            }
        }
        return found
    }

    /// From when until when versions with RevShare of one cadence follow each other without a gap; nil if this one has none.
    private func revShareRun(at index: Int) -> (start: Int64, end: Int64)? {
        guard let cadence = plans[index].revShare?.period else { return nil }
        var first = index
        while first > 0, plans[first - 1].revShare?.period == cadence { first -= 1 }
        var next = index + 1
        while next < plans.count, plans[next].revShare?.period == cadence { next += 1 }
        return (plans[first].effectiveFrom, next < plans.count ? plans[next].effectiveFrom : .max)
    }
}
