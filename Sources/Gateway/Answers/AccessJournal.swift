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
    private let prefix: [UInt8]
    @exclusivity(unchecked) private var counter: UInt32 = 0

    /// Answers slower than this are noteworthy. Nanoseconds.
    private static let slow: UInt64 = 100_000_000
    private static let gatheredBytesMax = 48 << 10

    init(mode: AccessLogMode, writer: LineWriter) {
        self.mode = mode
        self.writer = writer
        let random = UInt64.random(in: .min ... .max)
        prefix = (0..<16).map { hexadecimalDigit(UInt8(truncatingIfNeeded: random >> UInt64($0 * 4))) }
    }

    /// A request id of 24 hexadecimal digits.
    func makeRequestID(slab: RequestSlab, slot: Int) {
        counter &+= 1
        let number = counter
        slab.writeRequestID(length: 24, of: slot) { text in
            prefix.withUnsafeBytes { text.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: 16) }
            // Eight digits at once: each byte gets four bits, then 48 or, above 9, 87 is added.
            var nibbles = UInt64(number)
            nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
            nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
            nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
            let aboveNine = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
            let digits = nibbles + 0x3030_3030_3030_3030 + aboveNine &* 39
            text.storeBytes(of: digits.bigEndian, toByteOffset: 16, as: UInt64.self)
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
