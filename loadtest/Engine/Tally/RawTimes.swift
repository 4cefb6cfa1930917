import Glibc
import LoadRecord

/// Counts of times in the buckets of an HdrHistogram, in memory that stays where it is: what the sending thread adds to for every answer.
/// `addTo` makes a `TimeHistogram` of it, in which no time falls into another bucket than here.
struct RawTimes {
    private let counts: UnsafeMutablePointer<UInt64>
    private let buckets: Int
    private let halfMagnitude: Int
    let precision: TimeHistogram.Precision
    private(set) var count: UInt64 = 0
    private var smallest = UInt64.max
    private(set) var largest: UInt64 = 0

    init(_ precision: TimeHistogram.Precision) {
        self.precision = precision
        // Three digits need 2,048 steps in the first bucket, two 256; each further bucket adds its upper half.
        halfMagnitude = precision == .fine ? 10 : 7
        buckets = Self.index(TimeHistogram.highestMicroseconds, halfMagnitude) + 1
        // Most of it is never touched, and then takes no memory.
        guard let zeroed = calloc(buckets, MemoryLayout<UInt64>.stride) else { preconditionFailure("out of memory for times") }
        counts = zeroed.bindMemory(to: UInt64.self, capacity: buckets)
    }

    func deallocate() { free(counts) }

    @inline(__always)
    private static func index(_ value: UInt64, _ halfMagnitude: Int) -> Int {
        let mask: UInt64 = (2 << UInt64(halfMagnitude)) - 1
        let bucket = (63 - halfMagnitude) - (value | mask).leadingZeroBitCount
        return (bucket << halfMagnitude) + Int(value >> UInt64(bucket))
    }

    /// The lowest value of a bucket.
    private func value(_ index: Int) -> UInt64 {
        let half = 1 << halfMagnitude
        guard index >= 2 * half else { return UInt64(index) }
        let bucket = (index >> halfMagnitude) - 1
        return UInt64(index - (bucket << halfMagnitude)) << UInt64(bucket)
    }

    @inline(__always)
    mutating func add(nanoseconds: UInt64) {
        let value = min(nanoseconds / 1000, TimeHistogram.highestMicroseconds)
        counts[Self.index(value, halfMagnitude)] &+= 1
        count &+= 1
        if value < smallest { smallest = value }
        if value > largest { largest = value }
    }

    mutating func removeAll() {
        if count > 0 {
            let from = Self.index(smallest, halfMagnitude)
            (counts + from).update(repeating: 0, count: Self.index(largest, halfMagnitude) - from + 1)
        }
        count = 0
        smallest = .max
        largest = 0
    }

    func addTo(_ histogram: inout TimeHistogram) {
        guard count > 0 else { return }
        let first = Self.index(smallest, halfMagnitude)
        let last = Self.index(largest, halfMagnitude)
        for index in first...last where counts[index] > 0 {
            // The extremes are told exactly; between them a bucket stands for its times.
            let value = index == last ? largest : index == first ? smallest : value(index)
            histogram.record(microseconds: value, count: counts[index])
        }
    }

    var histogram: TimeHistogram {
        var histogram = TimeHistogram(precision)
        addTo(&histogram)
        return histogram
    }

    /// The time at or below which this share of all are, microseconds, to the precision of the buckets; 0 of none.
    func quantile(_ share: Double) -> UInt64 {
        let wanted = UInt64((Double(count) * share).rounded(.up))
        var sum: UInt64 = 0
        guard count > 0 else { return 0 }
        for index in Self.index(smallest, halfMagnitude)...Self.index(largest, halfMagnitude) {
            sum += counts[index]
            if sum >= wanted { return value(index) }
        }
        return largest
    }
}
