/// HdrHistogram's V2 encoding with compression.
///
/// Big-endian: the cookie of the compressed form, the length of what follows, and that in a zlib container: the cookie of V2, the payload's length, the
/// normalizing offset (0), the significant digits, the lowest and highest value, the conversion ratio (1.0), and the counts from index 0 to the last that is
/// not 0, each as a zigzag LEB128 number; a run of zeros is its negated length.
/// Source: HdrHistogram's `AbstractHistogram.encodeIntoByteBuffer` and `ZigZagEncoding` (Java).
enum HistogramEncoding {
    private static let compressedCookie: UInt32 = 0x1c84_9304 | 0x10
    private static let encodingCookie: UInt32 = 0x1c84_9303 | 0x10

    static func compressed(_ histogram: TimeHistogram) -> [UInt8] {
        let body = Zlib.stored(encoded(histogram))
        var bytes: [UInt8] = []
        append(compressedCookie, to: &bytes)
        append(UInt32(body.count), to: &bytes)
        return bytes + body
    }

    private static func encoded(_ histogram: TimeHistogram) -> [UInt8] {
        var counts: [UInt8] = []
        var next = 0
        histogram.forEachBucket { microseconds, count in
            let index = Self.index(of: microseconds, digits: histogram.precision.rawValue)
            if index > next { appendZigZag(-Int64(index - next), to: &counts) }
            appendZigZag(Int64(clamping: count), to: &counts)
            next = index + 1
        }
        var bytes: [UInt8] = []
        append(encodingCookie, to: &bytes)
        append(UInt32(counts.count), to: &bytes)
        append(UInt32(0), to: &bytes)
        append(UInt32(histogram.precision.rawValue), to: &bytes)
        append(UInt64(1), to: &bytes)
        append(TimeHistogram.highestMicroseconds, to: &bytes)
        append((1.0).bitPattern, to: &bytes)
        return bytes + counts
    }

    /// Where a value is counted: buckets of doubling width, each in equal parts, the first twice as many as the others.
    static func index(of value: UInt64, digits: Int) -> Int {
        var partsWanted = 2
        for _ in 0..<digits { partsWanted *= 10 }
        var partsMagnitude = 0
        while 1 << partsMagnitude < partsWanted { partsMagnitude += 1 }
        let mask = UInt64(1 << partsMagnitude) - 1
        let bucket = 64 - (value | mask).leadingZeroBitCount - partsMagnitude
        let half = 1 << (partsMagnitude - 1)
        return (bucket + 1) * half + Int(value >> UInt64(bucket)) - half
    }

    private static func appendZigZag(_ value: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        // Eight groups of seven bits, and all eight of the ninth byte.
        for _ in 0..<8 {
            if rest < 0x80 {
                bytes.append(UInt8(rest))
                return
            }
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// The zlib container (RFC 1950) around stored blocks (RFC 1951, 3.2.4): valid for every reader, and needs no compressor. Histograms without their runs of
/// zeros have little left to compress.
enum Zlib {
    private static let storedBlockMax = 65_535

    static func stored(_ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x78, 0x01]
        var at = 0
        repeat {
            let length = min(storedBlockMax, data.count - at)
            bytes.append(at + length == data.count ? 1 : 0)
            for value in [UInt16(length), ~UInt16(length)] {
                bytes += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
            }
            bytes += data[at..<at + length]
            at += length
        } while at < data.count
        let sum = adler32(data)
        return bytes + stride(from: UInt32(24), through: 0, by: -8).map { UInt8(truncatingIfNeeded: sum >> $0) }
    }

    static func adler32(_ data: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in data {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }
}

/// RFC 4648, section 4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for at in stride(from: 0, to: bytes.count, by: 3) {
            let have = min(3, bytes.count - at)
            var group: UInt32 = 0
            for offset in 0..<3 { group = group << 8 | (offset < have ? UInt32(bytes[at + offset]) : 0) }
            for place in 0..<4 {
                text.append(place <= have ? alphabet[Int(group >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
