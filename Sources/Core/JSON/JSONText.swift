/// JSON written by hand where an answer is made: commas and braces by the caller, escaping here (RFC 8259, section 7).
extension ByteBuilder {
    /// A JSON string of UTF-8 bytes, with quotes.
    package func appendJSON(_ text: UnsafeRawBufferPointer) {
        reserve(text.count + 2)
        append(UInt8(ascii: "\""))
        var clean = 0
        for at in 0..<text.count {
            let byte = text[at]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            append(UnsafeRawBufferPointer(rebasing: text[clean..<at]))
            clean = at + 1
            switch byte {
            case UInt8(ascii: "\""): append("\\\"" as StaticString)
            case UInt8(ascii: "\\"): append("\\\\" as StaticString)
            case UInt8(ascii: "\n"): append("\\n" as StaticString)
            case UInt8(ascii: "\r"): append("\\r" as StaticString)
            case UInt8(ascii: "\t"): append("\\t" as StaticString)
            default:
                append("\\u00" as StaticString)
                append(hexadecimalDigit(byte >> 4))
                append(hexadecimalDigit(byte & 15))
            }
        }
        append(UnsafeRawBufferPointer(rebasing: text[clean..<text.count]))
        append(UInt8(ascii: "\""))
    }

    package func appendJSON(_ text: some StringProtocol) {
        var copy = String(text)
        copy.withUTF8 { appendJSON(UnsafeRawBufferPointer($0)) }
    }

    /// `"name":`, for a name that needs no escaping.
    package func appendJSONKey(_ name: StaticString) {
        append(UInt8(ascii: "\""))
        append(name)
        append("\":" as StaticString)
    }
}

/// The lower-case hexadecimal digit of the low four bits of `value`.
package func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    let low = value & 15
    return low < 10 ? 48 + low : 87 + low
}
