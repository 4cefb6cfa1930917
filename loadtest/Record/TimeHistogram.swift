import Histogram

/// Times in microseconds up to an hour: an HdrHistogram. Two of them are added without loss.
package struct TimeHistogram: Sendable {
    package static let highestMicroseconds: UInt64 = 3_600_000_000

    /// How exactly times are kept. A fine one takes 190 KB once it is used, a coarse one 26 KB.
    package enum Precision: Int, Sendable, Codable {
        /// Three significant digits.
        case fine = 3
        /// Two.
        case coarse = 2
    }

    package let precision: Precision
    private var histogram: Histogram<UInt64>?

    package init(_ precision: Precision = .fine) { self.precision = precision }

    package var count: UInt64 { histogram?.totalCount ?? 0 }
    package var isEmpty: Bool { count == 0 }

    /// Longer than an hour counts as an hour.
    package mutating func record(microseconds: UInt64, count: UInt64 = 1) {
        if histogram == nil { histogram = fresh() }
        _ = histogram?.record(Swift.min(microseconds, Self.highestMicroseconds), count: count)
    }

    package mutating func add(_ other: Self) {
        guard let theirs = other.histogram else { return }
        if histogram == nil { histogram = fresh() }
        if precision == other.precision {
            histogram?.add(theirs)
        } else {
            other.forEachBucket { record(microseconds: $0, count: $1) }
        }
    }

    /// The time at or below which `percent` of all are, microseconds; 0 of none. Times are those of their buckets, the highest that falls into it, so that
    /// a record says the same before and after it was a file.
    package func percentile(_ percent: Double) -> UInt64 {
        histogram.map { $0.highestEquivalentForValue($0.valueAtPercentile(percent)) } ?? 0
    }
    package var max: UInt64 { histogram?.max ?? 0 }
    /// The lowest that falls into its bucket.
    package var min: UInt64 { isEmpty ? 0 : histogram.map { $0.lowestEquivalentForValue($0.min) } ?? 0 }
    /// Microseconds.
    package var mean: Double { isEmpty ? 0 : histogram?.mean ?? 0 }

    /// Every bucket that is not empty, ascending: the highest time that falls into it, and how many did.
    package func forEachBucket(_ body: (_ microseconds: UInt64, _ count: UInt64) -> Void) {
        guard let histogram else { return }
        for bucket in histogram.recordedValues() { body(bucket.value, bucket.count) }
    }

    private func fresh() -> Histogram<UInt64> {
        Histogram(
            highestTrackableValue: Self.highestMicroseconds, numberOfSignificantValueDigits: precision == .fine ? .three : .two)
    }
}

/// As JSON: the digits, and time and count of each bucket in turn.
extension TimeHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case digits, buckets }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try container.decode(Precision.self, forKey: .digits))
        let flat = try container.decode([UInt64].self, forKey: .buckets)
        guard flat.count % 2 == 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .buckets, in: container, debugDescription: "a histogram's buckets are pairs of a time and a count")
        }
        for index in stride(from: 0, to: flat.count, by: 2) {
            guard flat[index + 1] <= UInt64(RunRecord.counts.upperBound) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .buckets, in: container, debugDescription: "a bucket counts at most \(RunRecord.counts.upperBound)")
            }
            record(microseconds: flat[index], count: flat[index + 1])
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(precision, forKey: .digits)
        var flat: [UInt64] = []
        forEachBucket { flat += [$0, $1] }
        try container.encode(flat, forKey: .buckets)
    }
}
