import Core
import Testing

@testable import Telemetry

@Suite("Metrics")
struct LatencyHistogramTests {
    @Test("a duration counts in the bucket whose bound it does not exceed")
    func buckets() {
        for (at, bound) in LatencyHistogram.bounds.enumerated() {
            var histogram = LatencyHistogram()
            histogram.record(nanoseconds: bound)
            histogram.record(nanoseconds: bound + 1)
            #expect(histogram.buckets[at] == 1 && histogram.buckets[at + 1] == 1)
            #expect(histogram.sumNanoseconds == 2 * bound + 1)
        }
    }

    @Test("bounds rise, and each is printed as the number of seconds it is")
    func bounds() {
        #expect(LatencyHistogram.bounds == LatencyHistogram.bounds.sorted())
        #expect(LatencyHistogram.boundNames.count == LatencyHistogram.bounds.count)
        for (bound, name) in zip(LatencyHistogram.bounds, LatencyHistogram.boundNames) {
            #expect(Double("\(name)").map { ($0 * 1e9).rounded() } == Double(bound))
        }
    }

    @Test("histograms add up, and the widest duration of all does not trap")
    func addition() {
        var a = LatencyHistogram()
        a.record(nanoseconds: 1)
        a.record(nanoseconds: .max)
        var b = a
        b.add(a)
        #expect(b.count == 4 && b.buckets.first == 2 && b.buckets.last == 2)
    }

    @Test("a quantile lies in the bucket of the duration that has its rank, and nothing recorded has none")
    func quantiles() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(perMille: 990) == nil)
        for _ in 0..<98 { histogram.record(nanoseconds: 300_000) }
        histogram.record(nanoseconds: 20_000_000)
        histogram.record(nanoseconds: .max)
        #expect((250_001...500_000).contains(histogram.quantile(perMille: 500) ?? 0))
        #expect(histogram.quantile(perMille: 980) == 500_000)
        #expect(histogram.quantile(perMille: 990) == 25_000_000)
        #expect(histogram.quantile(perMille: 1000) == 5_000_000_000 && histogram.quantile(perMille: 9999) == 5_000_000_000)
        #expect((250_001...500_000).contains(histogram.quantile(perMille: 0) ?? 0))
    }

    @Test("the difference of a histogram and an earlier copy is what was recorded in between")
    func difference() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: 1)
        let earlier = histogram
        histogram.record(nanoseconds: 3_000_000)
        let difference = histogram.since(earlier)
        #expect(difference.count == 1 && difference.sumNanoseconds == 3_000_000)
        #expect((2_500_001...5_000_000).contains(difference.quantile(perMille: 990) ?? 0))
    }

    @Test("the exposition is the text format that Prometheus documents")
    func exposition() throws {
        let out = ByteBuilder()
        let text = PrometheusText(out)
        var histogram = LatencyHistogram()
        for nanoseconds in [10_000, 200_000, 3_000_000_000, 9_000_000_000] as [UInt64] {
            histogram.record(nanoseconds: nanoseconds)
        }
        text.describe("x_seconds", .histogram, "Help.")
        text.histogram("x_seconds", labels: "route=\"/a\"", histogram)
        text.histogram("y_seconds", labels: "", histogram)
        text.describe("z_total", .counter, "Count.")
        text.sample("z_total", .max)
        let lines = String(decoding: out.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines[0] == "# HELP x_seconds Help." && lines[1] == "# TYPE x_seconds histogram")
        #expect(lines.contains("x_seconds_bucket{route=\"/a\",le=\"+Inf\"} 4"))
        #expect(lines.contains("x_seconds_bucket{route=\"/a\",le=\"5\"} 3"))
        #expect(lines.contains("x_seconds_sum{route=\"/a\"} 12.000210000"))
        #expect(lines.contains("y_seconds_count 4"))
        #expect(lines.contains("z_total 9223372036854775807"))
        let sample = /[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9]+(\.[0-9]+)?/
        for line in lines where !line.hasPrefix("#") { #expect(try sample.wholeMatch(in: line) != nil, "\(line)") }
        // Buckets are cumulative.
        let counts = lines.filter { $0.hasPrefix("y_seconds_bucket") }.compactMap {
            $0.split(separator: " ").last.flatMap { Int($0) }
        }
        #expect(counts == counts.sorted() && counts.count == LatencyHistogram.bounds.count + 1)
    }
}
