/// A string of a JSON text, told by where it stands: it has been checked and is read by `JSONReader.text`.
package struct JSONString: Equatable, Sendable {
    /// The first byte behind the opening quote.
    package let start: Int
    /// Bytes between the quotes.
    package let count: Int
    package let hasEscapes: Bool
    /// Whether U+0000 is in it, which PostgreSQL's text cannot hold.
    package let hasNUL: Bool
}

/// A number of a JSON text, told by where it stands.
package struct JSONNumber: Equatable, Sendable {
    package let start: Int
    package let count: Int
    /// Neither fraction nor exponent.
    package let isInteger: Bool
}

extension JSONReader {
    /// The UTF-8 of a string. Where it has escapes they are resolved in `scratch`, which is valid until it is written again.
    package func text(of string: JSONString, scratch: ByteBuilder) -> UnsafeRawBufferPointer {
        let raw = UnsafeRawBufferPointer(rebasing: bytes[string.start..<(string.start + string.count)])
        guard string.hasEscapes else { return raw }
        scratch.removeAll()
        JSONString.forEachByte(of: raw) { scratch.append($0) }
        return scratch.bytes
    }

    /// What was read of the text from `start` on.
    package func raw(from start: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[start..<offset]) }

    /// Nil for a number with fraction or exponent, and for one beyond 64 bits.
    package func integer(of number: JSONNumber) -> Int64? {
        guard number.isInteger else { return nil }
        let isNegative = bytes[number.start] == UInt8(ascii: "-")
        // Built up on the negative side, which reaches one further.
        var value: Int64 = 0
        for at in (number.start + (isNegative ? 1 : 0))..<(number.start + number.count) {
            let (product, isProductOver) = value.multipliedReportingOverflow(by: 10)
            let (difference, isOver) = product.subtractingReportingOverflow(Int64(bytes[at] &- 48))
            guard !isProductOver, !isOver else { return nil }
            value = difference
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// FNV-1a, 64 bits, of the string that is meant: `"a"` and `"\u0061"` are one name.
    func hash(of string: JSONString) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let raw = UnsafeRawBufferPointer(rebasing: bytes[string.start..<(string.start + string.count)])
        if string.hasEscapes {
            JSONString.forEachByte(of: raw) { hash = (hash ^ UInt64($0)) &* 0x0000_0100_0000_01b3 }
        } else {
            for byte in raw { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return hash
    }
}

extension JSONString {
    /// In place of a length: the text ends inside the escape.
    static let isCutOff = -1

    /// The scalar that the escape at `start` stands for and the bytes it takes: two for most, six, or twelve for a pair of surrogates. Zero
    /// bytes or `isCutOff` if it is none.
    static func escape(_ bytes: UnsafeRawBufferPointer, at start: Int) -> (scalar: UInt32, length: Int) {
        guard start + 1 < bytes.count else { return (0, isCutOff) }
        switch bytes[start + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return (UInt32(bytes[start + 1]), 2)
        case UInt8(ascii: "b"): return (0x08, 2)
        case UInt8(ascii: "f"): return (0x0c, 2)
        case UInt8(ascii: "n"): return (0x0a, 2)
        case UInt8(ascii: "r"): return (0x0d, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "u"): break
        default: return (0, 0)
        }
        guard start + 6 <= bytes.count else { return (0, isCutOff) }
        guard let unit = fourDigits(bytes, at: start + 2) else { return (0, 0) }
        guard unit & 0xf800 == 0xd800 else { return (unit, 6) }
        // The first of a pair of surrogates, and the second right behind it.
        guard unit < 0xdc00 else { return (0, 0) }
        guard start + 12 <= bytes.count else { return (0, isCutOff) }
        guard bytes[start + 6] == UInt8(ascii: "\\"), bytes[start + 7] == UInt8(ascii: "u"),
            let second = fourDigits(bytes, at: start + 8), second & 0xfc00 == 0xdc00
        else { return (0, 0) }
        return (0x1_0000 + ((unit & 0x3ff) << 10 | second & 0x3ff), 12)
    }

    private static func fourDigits(_ bytes: UnsafeRawBufferPointer, at start: Int) -> UInt32? {
        var value: UInt32 = 0
        for at in start..<(start + 4) {
            let byte = bytes[at]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The UTF-8 of what a checked string means.
    @inline(__always)
    fileprivate static func forEachByte(of raw: UnsafeRawBufferPointer, _ body: (UInt8) -> Void) {
        var at = 0
        while at < raw.count {
            guard raw[at] == UInt8(ascii: "\\") else {
                body(raw[at])
                at += 1
                continue
            }
            let (scalar, length) = escape(raw, at: at)
            guard length > 0 else { return }
            at += length
            switch scalar {
            case ..<0x80: body(UInt8(scalar))
            case ..<0x800:
                body(UInt8(0xc0 | scalar >> 6))
                body(UInt8(0x80 | scalar & 0x3f))
            case ..<0x1_0000:
                body(UInt8(0xe0 | scalar >> 12))
                body(UInt8(0x80 | scalar >> 6 & 0x3f))
                body(UInt8(0x80 | scalar & 0x3f))
            default:
                body(UInt8(0xf0 | scalar >> 18))
                body(UInt8(0x80 | scalar >> 12 & 0x3f))
                body(UInt8(0x80 | scalar >> 6 & 0x3f))
                body(UInt8(0x80 | scalar & 0x3f))
            }
        }
    }
}
