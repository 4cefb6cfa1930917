import Core
import Frames

/// A cursor as callers see it: base64url of its fields and of a check over them and over what was asked, so that it goes on only where it
/// came from. The check is no signature: who computes one anew deceives himself only.
enum CursorText {
    /// Longest text, bytes.
    static let bytesMax = 256
    private static let checkBytes = 8

    /// - Parameters:
    ///   - fields: gets the check at its end.
    ///   - question: what was asked, as bytes: the same for every page.
    static func write(_ fields: ByteBuilder, about question: ByteBuilder) -> String {
        withExtendedLifetime((fields, question)) {
            fields.appendInteger(check(fields.bytes, question.bytes))
            return encode(fields.bytes)
        }
    }

    /// The fields, handed to `body`; nil if the text is none of ours, or about another question.
    static func read<R>(
        _ text: some Collection<UInt8>, about question: ByteBuilder, _ body: (inout FieldReader) -> R?
    ) -> R? {
        guard text.count <= bytesMax, let whole = decode(text), whole.count > checkBytes else { return nil }
        return whole.withUnsafeBytes { whole in
            let fields = UnsafeRawBufferPointer(rebasing: whole.dropLast(checkBytes))
            var end = FieldReader(UnsafeRawBufferPointer(rebasing: whole.suffix(checkBytes)))
            let wanted = withExtendedLifetime(question) { check(fields, question.bytes) }
            guard end.integer(UInt64.self) == wanted else { return nil }
            var reader = FieldReader(fields)
            guard let read = body(&reader), reader.isAtEnd else { return nil }
            return read
        }
    }

    /// FNV-1a, 64 bits.
    private static func check(_ fields: UnsafeRawBufferPointer, _ question: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in [question, fields] {
            for byte in part { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return hash
    }

    // MARK: base64url (RFC 4648, section 5), without padding

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var bitsCount: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            bitsCount += 8
            while bitsCount >= 6 {
                bitsCount -= 6
                text.append(letters[Int(bits >> bitsCount & 63)])
            }
        }
        if bitsCount > 0 { text.append(letters[Int(bits << (6 - bitsCount) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for other letters, and for texts that no bytes are written as.
    private static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitsCount: UInt32 = 0
        for letter in text {
            guard let value = value(letter) else { return nil }
            bits = bits << 6 | value
            bitsCount += 6
            if bitsCount >= 8 {
                bitsCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitsCount))
            }
        }
        guard bitsCount < 6, bits & (1 << bitsCount - 1) == 0 else { return nil }
        return bytes
    }

    private static func value(_ letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

extension ByteBuilder {
    /// A number that may be absent.
    func appendOptional(_ number: Int64?) {
        append(number == nil ? 0 : 1 as UInt8)
        if let number { appendInteger(number) }
    }
}
