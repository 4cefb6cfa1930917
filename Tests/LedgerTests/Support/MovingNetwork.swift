import PostgresClient

/// A network in which one affiliate after another is moved or changes status, and what it was at each moment: an independent memory of the
/// changes that were made, with the moments between which each took effect.
///
/// Changes are made one at a time, so each leads from one version of the network to the next.
struct MovingNetwork: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Past<Value: Equatable & Sendable>: Sendable {
        var values: [(version: Int, value: Value)]

        func value(at version: Int) -> Value? { values.last { $0.version <= version }?.value }
    }

    private var parents: [Int64: Past<Int64?>] = [:]
    private var statuses: [Int64: Past<String>] = [:]
    /// Of each version but the first: from when on it may have been, and from when on it certainly was.
    private var changes: [(asked: Instant, answered: Instant)] = []

    init(_ connection: PostgresConnection) throws {
        let rows = try connection.execute("SELECT affiliate_id, parent_affiliate_id, status FROM fature_v2.affiliates_optimized")
        for row in 0..<rows.rowCount {
            let id = try rows.int(row, 0)
            parents[id] = Past(values: [(0, try rows.optionalInt(row, 1))])
            statuses[id] = Past(values: [(0, try rows.text(row, 2))])
        }
    }

    var versionsCount: Int { changes.count + 1 }

    mutating func move(_ id: Int64, to parent: Int64?, asked: Instant, answered: Instant) {
        changes.append((asked, answered))
        parents[id]?.values.append((changes.count, parent))
    }

    mutating func setStatus(_ id: Int64, _ status: String, asked: Instant, answered: Instant) {
        changes.append((asked, answered))
        statuses[id]?.values.append((changes.count, status))
    }

    /// The versions that may have been the present one at a moment between two.
    func versions(from: Instant, to: Instant) -> ClosedRange<Int> {
        let first = changes.lastIndex { $0.answered < from }.map { $0 + 1 } ?? 0
        let last = changes.lastIndex { $0.asked < to }.map { $0 + 1 } ?? 0
        return first...max(first, last)
    }

    func isActive(_ id: Int64, at version: Int) -> Bool { statuses[id]?.value(at: version) == "active" }

    /// The ancestors, nearest first, and the level distances of those that were not active.
    func upline(_ id: Int64, at version: Int) -> (ids: [Int64], inactive: [Int64]) {
        var ids: [Int64] = []
        var inactive: [Int64] = []
        var current = id
        while let parent = parents[current]?.value(at: version) ?? nil, ids.count <= parents.count {
            ids.append(parent)
            if !isActive(parent, at: version) { inactive.append(Int64(ids.count)) }
            current = parent
        }
        return (ids, inactive)
    }
}
