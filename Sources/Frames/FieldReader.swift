import Core

/// Reads the fields of one frame in order. Reading past the end gives nil, never a trap, and every later read nil as well.
package struct FieldReader {
    let bytes: UnsafeRawBufferPointer
    var at = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether every byte has been read.
    package var isAtEnd: Bool { at == bytes.count }

    package mutating func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) -> I? {
        guard bytes.count - at >= MemoryLayout<I>.size else {
            at = bytes.count &+ 1
            return nil
        }
        defer { at += MemoryLayout<I>.size }
        return I(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: I.self))
    }

    /// The next `length` bytes, in place.
    package mutating func bytes(_ length: Int) -> UnsafeRawBufferPointer? {
        guard length >= 0, bytes.count - at >= length else {
            at = bytes.count &+ 1
            return nil
        }
        defer { at += length }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<(at + length)])
    }

    /// Everything that has not been read.
    package mutating func rest() -> UnsafeRawBufferPointer {
        guard at <= bytes.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        defer { at = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[at...])
    }

    /// A text behind its 32-bit length; nil if it does not fit or is not UTF-8.
    package mutating func text() -> String? {
        guard let length = integer(UInt32.self), let raw = bytes(Int(length)) else { return nil }
        return String(validating: raw, as: UTF8.self)
    }

    /// A text that may be absent: the outer nil means a malformed frame.
    package mutating func optionalText() -> String?? {
        guard let present = integer(UInt8.self) else { return nil }
        switch present {
        case 0: return .some(nil)
        case 1: return text().map { .some($0) } ?? nil
        default: return nil
        }
    }
}

extension ByteBuilder {
    /// A text behind its 32-bit length.
    package func appendText(_ text: String) {
        var copy = text
        copy.withUTF8 {
            appendInteger(UInt32($0.count))
            append(UnsafeRawBufferPointer($0))
        }
    }

    package func appendOptionalText(_ text: String?) {
        append(text == nil ? 0 : 1 as UInt8)
        if let text { appendText(text) }
    }
}
