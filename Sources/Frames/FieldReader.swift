import Core

/// Reads the fields of one frame in order. Reading past the end gives nil, never a trap, and every later read nil as well.
package struct FieldReader {
    let bytes: UnsafeRawBufferPointer
    var at = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether every byte has been read.
    package var isAtEnd: Bool { at == bytes.count }

    // One function a width and not a generic one: across modules that is not specialised.

    package mutating func integer(_ type: UInt8.Type) -> UInt8? {
        guard let at = take(1) else { return nil }
        return bytes[at]
    }

    package mutating func integer(_ type: UInt16.Type) -> UInt16? {
        guard let at = take(2) else { return nil }
        return UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self))
    }

    package mutating func integer(_ type: UInt32.Type) -> UInt32? {
        guard let at = take(4) else { return nil }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    package mutating func integer(_ type: UInt64.Type) -> UInt64? {
        guard let at = take(8) else { return nil }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    package mutating func integer(_ type: Int64.Type) -> Int64? { integer(UInt64.self).map { Int64(bitPattern: $0) } }

    /// Where the next `length` bytes begin.
    private mutating func take(_ length: Int) -> Int? {
        guard bytes.count - at >= length else {
            at = bytes.count &+ 1
            return nil
        }
        defer { at += length }
        return at
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
