import Core

/// A run as an HdrHistogram log, format version 1.3, for HistogramLogAnalyzer, HdrHistogram's plotter and their like.
///
/// Response times in microseconds. Lines without a tag are the windows, all operations together. A line tagged with an operation's name is a slice of it;
/// without slices, the operation over the whole run. Interval maxima are in milliseconds, as the format has them for people.
/// Source: HdrHistogram's `HistogramLogWriter` (Java), https://github.com/HdrHistogram/HdrHistogram.
package enum HistogramLog {
    package static func text(_ record: RunRecord) -> String {
        let start = Double(record.startedAtMicroseconds) / 1_000_000
        let moment = ByteBuilder()
        moment.appendRFC3339(unixMicroseconds: record.startedAtMicroseconds)
        var lines = [
            "#[Response times in microseconds, written by fature loadtest]",
            "#[Histogram log format version 1.3]",
            "#[StartTime: \(Quantity.decimal(start, places: 3)) (seconds since epoch), \(String(decoding: moment.bytes, as: UTF8.self))]",
            "#[BaseTime: \(Quantity.decimal(start, places: 3)) (seconds since epoch)]",
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
        ]
        lines += intervals(record).sorted { ($0.start, $0.tag) < ($1.start, $1.tag) }.map(line)
        return lines.joined(separator: "\n") + "\n"
    }

    private struct Interval {
        var tag: String
        var start: Double
        var length: Double
        var histogram: TimeHistogram
    }

    private static func intervals(_ record: RunRecord) -> [Interval] {
        var intervals = record.windows.enumerated().map {
            Interval(
                tag: "", start: Double($0.offset * record.windowSeconds), length: Double(record.windowSeconds),
                histogram: $0.element.response)
        }
        for operation in record.operations {
            let tag = Self.tag(operation.name)
            if operation.slices.isEmpty {
                guard !operation.response.isEmpty else { continue }
                intervals.append(Interval(tag: tag, start: 0, length: record.seconds, histogram: operation.response))
            }
            for (index, slice) in operation.slices.enumerated() {
                let start = Double(index * record.sliceSeconds)
                let length = min(Double(record.sliceSeconds), max(record.seconds - start, 0))
                intervals.append(Interval(tag: tag, start: start, length: length, histogram: slice))
            }
        }
        return intervals
    }

    private static func line(_ interval: Interval) -> String {
        let numbers = [interval.start, interval.length, Double(interval.histogram.max) / 1000]
            .map { Quantity.decimal($0, places: 3) }
        return (interval.tag.isEmpty ? "" : "Tag=\(interval.tag),") + numbers.joined(separator: ",") + ","
            + Base64.text(HistogramEncoding.compressed(interval.histogram))
    }

    /// A tag ends at a comma and may hold no blank and no line end.
    private static func tag(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { $0 == "," || $0.properties.isWhitespace || $0.value < 32 || $0.value == 127 ? "_" : $0 }
            ))
    }
}
