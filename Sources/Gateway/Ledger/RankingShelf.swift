import Core
import Store

/// Rankings by running totals, kept for a moment: reading one goes through the totals of everyone. Whoever comes while one is being read waits
/// for it, or takes the one before if that is not too old.
struct RankingShelf {
    enum Advice {
        case take([LedgerRanking.Line])
        /// Wait until it has been read.
        case wait
    }

    private struct Kept {
        var lines: [LedgerRanking.Line]?
        var readAt: MonotonicNanoseconds = 0
        var isBeingRead = false
    }

    private var kept = [Kept](repeating: Kept(), count: TotalsMetric.allCases.count)

    /// A ranking of this age is read anew.
    static let freshMilliseconds: UInt64 = 2_000
    /// One of this age is not given any more while the next is being read.
    static let staleMillisecondsMax: UInt64 = 10_000

    /// - Returns: what to answer, and whether to read the ranking anew.
    mutating func ask(_ metric: TotalsMetric, now: MonotonicNanoseconds) -> (Advice, mustRead: Bool) {
        let at = Int(metric.rawValue)
        let age = (now &- kept[at].readAt) / 1_000_000
        if let lines = kept[at].lines, age < Self.freshMilliseconds { return (.take(lines), false) }
        let mustRead = !kept[at].isBeingRead
        kept[at].isBeingRead = true
        if let lines = kept[at].lines, age < Self.staleMillisecondsMax { return (.take(lines), mustRead) }
        return (.wait, mustRead)
    }

    /// It has been read, or could not be.
    mutating func finish(_ metric: TotalsMetric, _ lines: [LedgerRanking.Line]?, now: MonotonicNanoseconds) {
        let at = Int(metric.rawValue)
        kept[at].isBeingRead = false
        guard let lines else { return }
        kept[at].lines = lines
        kept[at].readAt = now
    }
}
