import Core
import Store

/// Who waits while a ranking is being read.
struct RankingWaiters {
    struct Waiter {
        var limit: Int
        var deadline: MonotonicNanoseconds
        var done: @Sendable (LedgerAnswer) -> Void
    }

    /// How many wait for one ranking; more are refused with 503.
    static let countMax = 4096

    private var waiting: [TotalsMetric: [Waiter]] = [:]

    /// False if there are too many who still wait.
    mutating func add(_ waiter: Waiter, for metric: TotalsMetric, now: MonotonicNanoseconds) -> Bool {
        if waiting[metric, default: []].count >= Self.countMax { waiting[metric]?.removeAll { $0.deadline <= now } }
        guard waiting[metric, default: []].count < Self.countMax else { return false }
        waiting[metric, default: []].append(waiter)
        return true
    }

    /// Those who still wait for a ranking, by how much of it they want: they wait no longer.
    mutating func take(_ metric: TotalsMetric, now: MonotonicNanoseconds) -> [Int: [Waiter]] {
        Dictionary(grouping: (waiting.removeValue(forKey: metric) ?? []).filter { $0.deadline > now }, by: \.limit)
    }
}
