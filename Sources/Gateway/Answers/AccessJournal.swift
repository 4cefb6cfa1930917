import Core
import HTTP2
import Telemetry

/// Gives requests their ids and writes the noteworthy ones to the log, gathered by event loop and handed over in one piece.
final class AccessJournal {
    private let mode: AccessLogMode
    private let writer: LineWriter
    private let lines = ByteBuilder(capacity: 32 << 10)
    private var lineCount = 0
    /// Begins each id of this loop: differs from every other loop and process with overwhelming probability.
    private let prefix: UInt64
    private var counter: UInt32 = 0

    /// Answers slower than this are noteworthy. Nanoseconds.
    private static let slow: UInt64 = 100_000_000
    private static let gatheredBytesMax = 48 << 10

    init(mode: AccessLogMode, writer: LineWriter) {
        self.mode = mode
        self.writer = writer
        prefix = UInt64.random(in: .min ... .max)
    }

    /// A request id of 24 hexadecimal digits.
    func makeRequestID(slab: RequestSlab, slot: Int) {
        counter &+= 1
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { text in
            var rest = prefix
            for at in 0..<16 {
                text[at] = hexadecimalDigit(UInt8(truncatingIfNeeded: rest))
                rest >>= 4
            }
            var number = counter
            for at in 0..<8 {
                text[23 - at] = hexadecimalDigit(UInt8(truncatingIfNeeded: number))
                number >>= 4
            }
            slab.setRequestID(UnsafeRawBufferPointer(text), of: slot)
        }
    }

    func note(slab: RequestSlab, slot: Int, route: RouteName, status: UInt16, nanoseconds: UInt64) {
        switch mode {
        case .off: return
        case .notable:
            let method = slab[slot].method
            if status < 400, nanoseconds < Self.slow, method == .get || method == .head { return }
        case .all: break
        }
        lines.beginLogLine(level: status >= 500 ? "warning" : "info", role: "gateway")
        lines.append(",\"message\":\"request\",\"request_id\":" as StaticString)
        lines.appendJSON(slab.requestID(of: slot))
        lines.append(",\"method\":\"" as StaticString)
        lines.append(RequestMetrics.methods[Int(slab[slot].method.rawValue)].1)
        lines.append("\",\"route\":\"" as StaticString)
        lines.append(route.label)
        lines.append("\",\"target\":" as StaticString)
        lines.appendPrintableJSON(slab.target(of: slot))
        lines.append(",\"status\":" as StaticString)
        lines.appendDecimal(Int(status))
        lines.append(",\"duration_us\":" as StaticString)
        lines.appendDecimal(Int64(clamping: nanoseconds / 1000))
        lines.append("}\n" as StaticString)
        lineCount += 1
        if lines.count > Self.gatheredBytesMax { flush() }
    }

    /// Hands what has gathered to the writer.
    func flush() {
        guard lines.count > 0 else { return }
        writer.write(lines.bytes, lineCount: lineCount)
        lines.removeAll()
        lineCount = 0
    }
}

extension ByteBuilder {
    /// A JSON string of bytes a client has sent: what is not plain ASCII becomes `?`, so that no log reader meets broken UTF-8.
    fileprivate func appendPrintableJSON(_ bytes: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        for byte in bytes {
            let isPlain = byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            append(isPlain ? byte : UInt8(ascii: "?"))
        }
        append(UInt8(ascii: "\""))
    }
}
