import Core

@testable import Hierarchy

/// The same answers as a partition's, computed the slow and obvious way.
struct ModelForest {
    private(set) var rows: [AffiliateID: AffiliateRow] = [:]
    /// The children of each affiliate, and of nil the roots, ascending by id.
    private(set) var children: [AffiliateID?: [AffiliateID]] = [:]

    mutating func insert(_ row: AffiliateRow) {
        rows[row.id] = row
        link(row.id, under: row.parent)
    }

    mutating func setStatus(_ status: AffiliateStatus, of id: AffiliateID) { rows[id]?.status = status }

    mutating func move(_ id: AffiliateID, under parent: AffiliateID?) {
        children[rows[id]?.parent]?.removeAll { $0 == id }
        rows[id]?.parent = parent
        link(id, under: parent)
    }

    mutating func remove(_ id: AffiliateID) {
        children[rows[id]?.parent]?.removeAll { $0 == id }
        for member in [id] + levels(below: id, depth: .max).joined() {
            rows[member] = nil
            children[member] = nil
        }
    }

    private mutating func link(_ id: AffiliateID, under parent: AffiliateID?) {
        children[parent, default: []].append(id)
        children[parent]?.sort()
    }

    func directs(_ id: AffiliateID?) -> [AffiliateID] { children[id] ?? [] }

    /// Members level by level, each level by sponsor's place and then by id; empty levels are left out.
    func levels(below id: AffiliateID?, depth: Int) -> [[AffiliateID]] {
        var result: [[AffiliateID]] = []
        var level = directs(id)
        while !level.isEmpty && result.count < depth {
            result.append(level)
            level = level.flatMap { directs($0) }
        }
        return result
    }

    func networkSize(_ id: AffiliateID) -> Int { levels(below: id, depth: .max).joined().count }

    func upline(_ id: AffiliateID) -> [AffiliateID] {
        var result: [AffiliateID] = []
        var at = rows[id]?.parent
        while let ancestor = at {
            result.append(ancestor)
            at = rows[ancestor]?.parent
        }
        return result
    }

    func ranking(limit: Int, by value: (AffiliateID) -> Int) -> [RankingEntry] {
        let all = rows.keys.map { RankingEntry(id: $0, value: value($0)) }
        return Array(all.sorted { $0.value == $1.value ? $0.id < $1.id : $0.value > $1.value }.prefix(limit))
    }
}
