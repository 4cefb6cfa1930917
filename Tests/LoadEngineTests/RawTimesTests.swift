import LoadRecord
import Testing

@testable import LoadEngine

@Suite("Times as the sending thread counts them")
struct RawTimesTests {
    @Test("fall into the same buckets as a histogram's, in either precision", arguments: [TimeHistogram.Precision.fine, .coarse])
    func sameBuckets(precision: TimeHistogram.Precision) {
        var raw = RawTimes(precision)
        defer { raw.deallocate() }
        var histogram = TimeHistogram(precision)
        var random = SystemRandomNumberGenerator()
        var values: [UInt64] = [0, 1, 127, 128, 255, 256, 2047, 2048, 2049, 4095, 4096, 3_599_999_999, 3_600_000_000]
        for bits in 1...31 { values += (0..<50).map { _ in UInt64.random(in: 0..<(1 << bits), using: &random) } }
        for value in values {
            raw.add(nanoseconds: value * 1000 + 999)
            histogram.record(microseconds: value)
        }
        raw.add(nanoseconds: .max)
        histogram.record(microseconds: .max)
        let made = raw.histogram
        var one: [[UInt64]] = []
        var other: [[UInt64]] = []
        made.forEachBucket { one.append([$0, $1]) }
        histogram.forEachBucket { other.append([$0, $1]) }
        #expect(one == other && made.max == histogram.max && made.min == histogram.min)
        for percent in [0.0, 1, 50, 90, 99, 99.9, 100] { #expect(made.percentile(percent) == histogram.percentile(percent)) }
        raw.removeAll()
        #expect(raw.histogram.isEmpty && raw.count == 0)
        raw.add(nanoseconds: 5_000)
        #expect(raw.histogram.max == 5 && raw.histogram.count == 1)
    }
}
