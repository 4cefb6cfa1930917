import Core

/// A Prometheus histogram of durations with fixed bounds: plain counters, for one event loop; several are added up when they are read.
package struct LatencyHistogram: Sendable {
    /// Upper bounds in nanoseconds; the last bucket has none.
    package static let bounds: [UInt64] = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000,
    ]
    /// The same in seconds, as the exposition prints them.
    static let boundNames: [StaticString] = [
        "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1",
        "2.5", "5",
    ]

    package private(set) var buckets = [UInt64](repeating: 0, count: bounds.count + 1)
    package private(set) var sumNanoseconds: UInt64 = 0

    package init() {}

    package mutating func record(nanoseconds: UInt64) {
        // Bounds grow about twofold, so the bit width is close to the bucket; most requests are in the first few.
        var at = 0
        while at < Self.bounds.count, nanoseconds > Self.bounds[at] { at += 1 }
        buckets[at] &+= 1
        sumNanoseconds &+= nanoseconds
    }

    package mutating func add(_ other: Self) {
        for at in buckets.indices { buckets[at] &+= other.buckets[at] }
        sumNanoseconds &+= other.sumNanoseconds
    }

    package var count: UInt64 { buckets.reduce(0, &+) }

    /// What has been recorded since `earlier`, a copy of this histogram.
    package func since(_ earlier: Self) -> Self {
        var difference = self
        for at in buckets.indices { difference.buckets[at] &-= earlier.buckets[at] }
        difference.sumNanoseconds &-= earlier.sumNanoseconds
        return difference
    }

    /// The duration that `perMille` of 1,000 recorded ones do not exceed, nanoseconds; nil: none was recorded.
    ///
    /// Known to a bucket: inside it durations count as spread evenly, and those beyond the last bound as the last bound.
    package func quantile(perMille: UInt64) -> UInt64? {
        let all = count
        guard all > 0 else { return nil }
        // The rank of the duration asked for: 1 is the shortest.
        let rank = max(1, (all * min(perMille, 1000) + 999) / 1000)
        var below: UInt64 = 0
        for (at, bound) in Self.bounds.enumerated() {
            if below + buckets[at] >= rank {
                let lower = at == 0 ? 0 : Self.bounds[at - 1]
                return lower + UInt64(Double(bound - lower) * Double(rank - below) / Double(buckets[at]))
            }
            below += buckets[at]
        }
        return Self.bounds.last
    }
}
