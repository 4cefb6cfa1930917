import Core

/// Writes metrics in the Prometheus text exposition format, version 0.0.4.
package struct PrometheusText {
    package let out: ByteBuilder

    package init(_ out: ByteBuilder) { self.out = out }

    package enum Kind: String { case counter, gauge, histogram }

    /// The `# HELP` and `# TYPE` lines of a metric.
    package func describe(_ name: String, _ kind: Kind, _ help: String) {
        out.append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// One sample; labels as `key="value",…` already escaped.
    package func sample(_ name: String, labels: String = "", _ value: Int64) {
        out.append(name)
        if !labels.isEmpty { out.append("{\(labels)}") }
        out.append(UInt8(ascii: " "))
        out.appendDecimal(value)
        out.append(UInt8(ascii: "\n"))
    }

    /// One sample in seconds, of an amount of microseconds that is not negative.
    package func seconds(_ name: String, labels: String = "", microseconds: Int64) {
        out.append(name)
        if !labels.isEmpty { out.append("{\(labels)}") }
        out.append(UInt8(ascii: " "))
        out.appendDecimal(microseconds / 1_000_000)
        out.append(UInt8(ascii: "."))
        out.appendPadded(microseconds % 1_000_000, digits: 6)
        out.append(UInt8(ascii: "\n"))
    }

    /// The cumulative buckets, sum and count of a histogram.
    package func histogram(_ name: String, labels: String, _ histogram: LatencyHistogram) {
        let comma = labels.isEmpty ? "" : ","
        var cumulative: UInt64 = 0
        for (at, bound) in LatencyHistogram.boundNames.enumerated() {
            cumulative &+= histogram.buckets[at]
            sample("\(name)_bucket", labels: "\(labels)\(comma)le=\"\(bound)\"", Int64(clamping: cumulative))
        }
        sample("\(name)_bucket", labels: "\(labels)\(comma)le=\"+Inf\"", Int64(clamping: histogram.count))
        let sum = histogram.sumNanoseconds
        out.append("\(name)_sum")
        if !labels.isEmpty { out.append("{\(labels)}") }
        out.append(UInt8(ascii: " "))
        out.appendDecimal(Int64(clamping: sum / 1_000_000_000))
        out.append(UInt8(ascii: "."))
        out.appendPadded(Int64(sum % 1_000_000_000), digits: 9)
        out.append(UInt8(ascii: "\n"))
        sample("\(name)_count", labels: labels, Int64(clamping: histogram.count))
    }
}
