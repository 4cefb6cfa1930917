import Core
import Logging

#if canImport(Glibc)
import Glibc
#endif

/// A swift-log handler that writes one JSON object a line: `timestamp`, `level`, `role`, `message`, then the metadata as fields.
package struct JSONLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level
    private let writer: LineWriter
    private let role: String

    package init(role: String, level: Logger.Level, writer: LineWriter) {
        self.role = role
        self.writer = writer
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = ByteBuilder(capacity: 512)
        line.beginLogLine(level: event.level.rawValue, role: role)
        line.append(UInt8(ascii: ","))
        line.appendJSONKey("message")
        line.appendJSON(event.message.description)
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(UInt8(ascii: ","))
            line.appendJSON(key)
            line.append(UInt8(ascii: ":"))
            line.appendJSON(value.description)
        }
        line.append("}\n" as StaticString)
        writer.write(line.bytes)
    }
}

extension ByteBuilder {
    /// `{"timestamp":"…","level":"…","role":"…"`: how each log line begins.
    package func beginLogLine(level: String, role: String) {
        append("{\"timestamp\":\"" as StaticString)
        appendRFC3339(unixMicroseconds: wallClockMicroseconds())
        append("\",\"level\":\"" as StaticString)
        append(level)
        append("\",\"role\":\"" as StaticString)
        append(role)
        append("\"" as StaticString)
    }
}

/// Microseconds since 1970-01-01 00:00:00 UTC by the host's clock.
package func wallClockMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
