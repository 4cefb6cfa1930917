/// Reads JSON (RFC 8259) as plan nodes: numbers, `true`, `false` and `null` stay the text they are, so that no rate passes through floating
/// point. Not for the hot path.
struct JSONNodes {
    static let bytesMax = 1 << 20
    static let depthMax = 16

    private let text: [UInt8]
    private var at = 0
    private var line = 1

    static func read(_ text: String) throws(PlanError) -> PlanNode {
        guard text.utf8.count <= bytesMax else {
            throw PlanError(.malformed, "", "a plan is at most \(bytesMax) bytes of JSON")
        }
        var reader = JSONNodes(text: Array(text.utf8))
        reader.skipBlanks()
        let node = try reader.value(depth: 0)
        reader.skipBlanks()
        guard reader.at == reader.text.count else { throw reader.malformed("there is something behind the end of the plan") }
        return node
    }

    private init(text: [UInt8]) { self.text = text }

    private func malformed(_ message: String) -> PlanError { PlanError(.malformed, "", "not JSON: \(message)", line: line) }

    private var next: UInt8? { at < text.count ? text[at] : nil }

    private mutating func skipBlanks() {
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\n"): line += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: return
            }
            at += 1
        }
    }

    /// Takes a character and the blanks behind it.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = next, UInt32(byte) == character.value else { return false }
        at += 1
        skipBlanks()
        return true
    }

    private mutating func value(depth: Int) throws(PlanError) -> PlanNode {
        guard depth < Self.depthMax else { throw malformed("it is nested more than \(Self.depthMax) deep") }
        let start = line
        if take("{") { return PlanNode(.fields(try fields(depth: depth)), line: start) }
        if take("[") { return PlanNode(.list(try list(depth: depth)), line: start) }
        if next == UInt8(ascii: "\"") { return PlanNode(.text(try string()), line: start) }
        let from = at
        while let byte = next, Self.isWordByte(byte) { at += 1 }
        guard from < at else { throw malformed("a value is missing") }
        return PlanNode(.text(String(decoding: text[from..<at], as: UTF8.self)), line: start)
    }

    /// What numbers, `true`, `false` and `null` are made of. Whether the word is one of them, the field that holds it finds out.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func fields(depth: Int) throws(PlanError) -> [PlanNode.Field] {
        var fields: [PlanNode.Field] = []
        if take("}") { return fields }
        while true {
            guard next == UInt8(ascii: "\"") else { throw malformed("a field's name is missing") }
            let name = try string()
            skipBlanks()
            guard take(":") else { throw malformed("a colon is missing behind \"\(name)\"") }
            fields.append(PlanNode.Field(name: name, value: try value(depth: depth + 1)))
            skipBlanks()
            if take("}") { return fields }
            guard take(",") else { throw malformed("a comma or } is missing") }
        }
    }

    private mutating func list(depth: Int) throws(PlanError) -> [PlanNode] {
        var items: [PlanNode] = []
        if take("]") { return items }
        while true {
            items.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return items }
            guard take(",") else { throw malformed("a comma or ] is missing") }
        }
    }

    private mutating func string() throws(PlanError) -> String {
        at += 1
        var units: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw malformed("a control character in a string") }
            at += 1
            if byte != UInt8(ascii: "\\") {
                units.append(byte)
            } else {
                try escape(into: &units)
            }
        }
        guard next != nil else { throw malformed("a string has no end") }
        at += 1
        return String(decoding: units, as: UTF8.self)
    }

    private mutating func escape(into units: inout [UInt8]) throws(PlanError) {
        guard let letter = next else { throw malformed("a string has no end") }
        at += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(letter)
        case UInt8(ascii: "n"): units.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "r"): units.append(UInt8(ascii: "\r"))
        case UInt8(ascii: "t"): units.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "b"): units.append(8)
        case UInt8(ascii: "f"): units.append(12)
        case UInt8(ascii: "u"):
            var value = try hexadecimal()
            if value >> 10 == 0x36, next == UInt8(ascii: "\\") {
                at += 1
                guard next == UInt8(ascii: "u") else { throw malformed("half a character in a string") }
                at += 1
                let low = try hexadecimal()
                guard low >> 10 == 0x37 else { throw malformed("half a character in a string") }
                value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(value) else { throw malformed("half a character in a string") }
            units.append(contentsOf: Character(scalar).utf8)
        default: throw malformed("an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(PlanError) -> UInt32 {
        guard at + 4 <= text.count else { throw malformed("a string has no end") }
        let digits = String(decoding: text[at..<at + 4], as: UTF8.self)
        guard let value = UInt32(digits, radix: 16), !digits.hasPrefix("+") else {
            throw malformed("an unknown escape in a string")
        }
        at += 4
        return value
    }
}
