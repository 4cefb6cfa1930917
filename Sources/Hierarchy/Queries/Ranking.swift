import Core

/// One line of a ranking.
package struct RankingEntry: Hashable, Sendable {
    package var id: AffiliateID
    package var value: Int
}

extension Partition {
    /// The affiliates with the most, most first; of equals the smaller id first. A pass over all affiliates: cache it.
    package func top(by metric: RankingMetric, limit: Int) -> [RankingEntry] {
        guard limit > 0 else { return [] }
        var best = BestOf(limit: min(limit, affiliateCount))
        switch metric {
        case .networkSize:
            for position in 0..<forestCount { best.offer(networkSizes[position], number: position, in: self) }
            for number in 0..<UInt32(overlay.count) {
                best.offer(overlay.entries[number].networkSize, number: forestCount + number, in: self)
            }
        case .directReferrals:
            var from: UInt32 = 0
            for rank in 0..<UInt32(overlay.count) {
                let parent = overlay[rank: rank].parent
                // The forest's sponsors come in ascending order; several entries of one sponsor side by side.
                guard parent < forestCount, parent >= from else { continue }
                offerForestDirects(from, parent, &best)
                best.offer(UInt32(directs(parent)), number: parent, in: self)
                from = parent + 1
            }
            offerForestDirects(from, forestCount, &best)
            for number in 0..<UInt32(overlay.count) {
                best.offer(overlay.entries[number].directReferrals, number: forestCount + number, in: self)
            }
        }
        return best.sorted
    }

    @inline(__always)
    private func offerForestDirects(_ low: UInt32, _ high: UInt32, _ best: inout BestOf) {
        guard low < high else { return }
        var childrenFrom = childStart[low]
        for position in low..<high {
            let childrenTo = childStart[position + 1]
            best.offer(childrenTo - childrenFrom, number: position, in: self)
            childrenFrom = childrenTo
        }
    }
}

/// The best so many seen, in a heap whose first is the worst of them.
private struct BestOf {
    private let limit: Int
    private var heap: [(value: UInt32, id: Int64)] = []
    /// Below this a value cannot get in.
    private var threshold: UInt32 = 0

    init(limit: Int) {
        self.limit = limit
        heap.reserveCapacity(limit)
    }

    private static func isWorse(_ a: (value: UInt32, id: Int64), _ b: (value: UInt32, id: Int64)) -> Bool {
        a.value == b.value ? a.id > b.id : a.value < b.value
    }

    @inline(__always)
    mutating func offer(_ value: UInt32, number: UInt32, in partition: Partition) {
        if value >= threshold { consider((value, partition.rawID(number))) }
    }

    private mutating func consider(_ candidate: (value: UInt32, id: Int64)) {
        if heap.count < limit {
            heap.append(candidate)
            siftUp()
        } else if let worst = heap.first, Self.isWorse(worst, candidate) {
            heap[0] = candidate
            siftDown()
        }
        if heap.count == limit, let worst = heap.first { threshold = worst.value }
    }

    private mutating func siftUp() {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isWorse(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if Self.isWorse(heap[child], heap[worst]) { worst = child }
            }
            if worst == parent { return }
            heap.swapAt(worst, parent)
            parent = worst
        }
    }

    var sorted: [RankingEntry] {
        heap.sorted { Self.isWorse($1, $0) }.map { RankingEntry(id: AffiliateID($0.id), value: Int($0.value)) }
    }
}
