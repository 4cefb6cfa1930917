import Core

/// Members of JSON objects, each with the comma before it that it needs.
extension ByteBuilder {
    /// `,"name":`, without the comma behind an opening brace.
    func appendName(_ name: StaticString) {
        if let last = bytes.last, last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
        appendJSONKey(name)
    }

    func append(_ name: StaticString, _ number: some BinaryInteger) {
        appendName(name)
        appendDecimal(Int64(number))
    }

    func append(_ name: StaticString, text: String?) {
        appendName(name)
        if let text { appendJSON(text) } else { append("null" as StaticString) }
    }

    func append(_ name: StaticString, word: StaticString?) {
        appendName(name)
        guard let word else { return append("null" as StaticString) }
        append(UInt8(ascii: "\""))
        append(word)
        append(UInt8(ascii: "\""))
    }

    func append(_ name: StaticString, flag: Bool?) {
        appendName(name)
        append(flag.map { $0 ? "true" : "false" } ?? "null" as StaticString)
    }

    func append(_ name: StaticString, moment: Int64) {
        appendName(name)
        append(UInt8(ascii: "\""))
        appendRFC3339(unixMicroseconds: moment)
        append(UInt8(ascii: "\""))
    }

    /// A number, or null.
    func append(_ name: StaticString, optional number: Int64?) {
        appendName(name)
        if let number { appendDecimal(number) } else { append("null" as StaticString) }
    }

    /// `[…]` with commas.
    func appendList<C: Collection>(_ elements: C, _ write: (C.Element) -> Void) {
        append(UInt8(ascii: "["))
        for (at, element) in elements.enumerated() {
            if at > 0 { append(UInt8(ascii: ",")) }
            write(element)
        }
        append(UInt8(ascii: "]"))
    }
}
