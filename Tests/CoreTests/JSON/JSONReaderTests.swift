import Core
import Foundation
import Testing

/// What a reader makes of a whole text: nil, or why it is refused.
private func refusal(_ bytes: [UInt8]) -> JSONError? {
    bytes.withUnsafeBytes { raw in
        var reader = JSONReader(raw)
        do throws(JSONError) {
            try reader.skipValue()
            if !reader.isAtEnd() { throw JSONError(.unexpectedByte, at: reader.offset) }
        } catch { return error }
        return nil
    }
}

private func refusal(_ text: String) -> JSONError.Code? { refusal(Array(text.utf8))?.code }

/// What a text means, in one spelling, through the reader's calls.
private func spelling(_ reader: inout JSONReader, _ scratch: ByteBuilder) throws -> String {
    switch try reader.nextKind() {
    case .object:
        var members: [String: String] = [:]
        try reader.beginObject()
        while let name = try reader.nextName() {
            let key = String(decoding: reader.text(of: name, scratch: scratch), as: UTF8.self)
            members[key] = try spelling(&reader, scratch)
        }
        return spelling(members)
    case .array:
        var elements: [String] = []
        try reader.beginArray()
        while try reader.hasNextElement() { elements.append(try spelling(&reader, scratch)) }
        return "[\(elements.joined(separator: ","))]"
    case .string:
        return String(decoding: reader.text(of: try reader.string(), scratch: scratch), as: UTF8.self).debugDescription
    case .number:
        let number = try reader.number()
        if let integer = reader.integer(of: number) { return "\(integer)" }
        return spelling(number: String(decoding: reader.raw(from: number.start), as: UTF8.self))
    case .bool: return "\(try reader.bool())"
    case .null:
        try reader.null()
        return "null"
    }
}

private func spelling(_ members: [String: String]) -> String {
    "{" + members.sorted { $0.key < $1.key }.map { "\($0.key.debugDescription):\($0.value)" }.joined(separator: ",") + "}"
}

private func spelling(_ bytes: [UInt8]) throws -> String {
    try bytes.withUnsafeBytes { raw in
        var reader = JSONReader(raw)
        return try spelling(&reader, ByteBuilder())
    }
}

/// What Foundation has read, in the same spelling.
private func spelling(foundation value: Any) -> String {
    if let members = value as? [String: Any] { return spelling(members.mapValues { spelling(foundation: $0) }) }
    if let elements = value as? [Any] {
        return "[\(elements.map { spelling(foundation: $0) }.joined(separator: ","))]"
    }
    if let text = value as? String { return text.debugDescription }
    guard let number = value as? NSNumber else { return "null" }
    return String(cString: number.objCType) == "c" ? "\(number.boolValue)" : spelling(number: number.stringValue)
}

/// Foundation has numbers as integers, decimals or floating point.
private func spelling(number text: String) -> String {
    if let integer = Int64(text) { return "\(integer)" }
    let number = Double(text) ?? .nan
    return Int64(exactly: number).map { "\($0)" } ?? "\(number)"
}

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test("what RFC 8259 allows is read")
    func allowed() {
        let texts = [
            "null", " true ", "\tfalse\r\n", "0", "-0", "10", "-1.5e+10", "1E400", "0.00", "\"\"", "{}", "[]",
            "[1,[2,{\"a\":[]}],3]",
            "{\"a\":1,\"b\":{\"a\":2}}", #""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#, "\"é€😀\u{7f}\u{fffe}\"", "[\"a\" , \"b\"]",
        ]
        for text in texts { #expect(refusal(text) == nil, "\(text)") }
    }

    @Test("what it does not allow is refused, with the reason")
    func refused() {
        let cases: [(String, JSONError.Code)] = [
            ("", .unexpectedEnd), (" ", .unexpectedEnd), ("{", .unexpectedEnd), ("[1", .unexpectedEnd), ("\"a", .unexpectedEnd),
            ("tru", .unexpectedEnd), ("{\"a\"", .unexpectedEnd), ("{\"a\":", .unexpectedEnd), ("\"\\u12", .unexpectedEnd),
            ("nul1", .unexpectedByte), ("[1,]", .unexpectedByte), ("[,1]", .unexpectedByte), ("{\"a\":1,}", .unexpectedByte),
            ("{a:1}", .unexpectedByte), ("{1:1}", .unexpectedByte), ("[1 2]", .unexpectedByte), ("1 2", .unexpectedByte),
            ("{\"a\" 1}", .unexpectedByte), ("]", .unexpectedByte), ("+1", .unexpectedByte), (".5", .unexpectedByte),
            ("\u{feff}1", .unexpectedByte), ("'a'", .unexpectedByte), ("[1}", .unexpectedByte), ("1//", .unexpectedByte),
            ("01", .malformedNumber), ("-", .malformedNumber), ("1.", .malformedNumber), ("1e", .malformedNumber),
            ("-01", .malformedNumber), ("1e+", .malformedNumber),
            (#""\x""#, .malformedEscape), (#""\u12g4""#, .malformedEscape), (#""\ud800\u0041 ""#, .malformedEscape),
            (#""\udc00""#, .malformedEscape), (#""\ud800aaaaaaa""#, .malformedEscape),
            ("\"\n\"", .controlCharacter), ("{\"a\":1,\"a\":2}", .repeatedName), (#"{"a":1,"\u0061":2}"#, .repeatedName),
        ]
        for (text, code) in cases { #expect(refusal(text) == code, "\(text)") }
    }

    @Test("only UTF-8 is read: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut off")
    func utf8() {
        let quote = UInt8(ascii: "\"")
        for bytes in [
            [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf4, 0x90, 0x80, 0x80],
            [0xf5, 0x80, 0x80, 0x80], [0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98],
        ] as [[UInt8]] {
            #expect(refusal([quote] + bytes + [quote])?.code == .notUTF8, "\(bytes)")
            #expect(refusal([quote] + bytes) != nil)
        }
        // Every first and second byte against Swift's own decoder.
        for first in UInt8(0x80)...0xff {
            for second in UInt8(0x7f)...0xff {
                for tail in [[], [0x80], [0x80, 0x80]] as [[UInt8]] {
                    let bytes = [first, second] + tail
                    #expect((refusal([quote] + bytes + [quote]) == nil) == (String(validating: bytes, as: UTF8.self) != nil))
                }
            }
        }
    }

    @Test("depth and members have limits, which the last allowed one reaches")
    func limits() {
        let deep = JSONReader.depthMax
        #expect(refusal(String(repeating: "[", count: deep) + String(repeating: "]", count: deep)) == nil)
        #expect(refusal(String(repeating: "[", count: deep + 1) + String(repeating: "]", count: deep + 1)) == .tooDeep)
        let members = (0..<JSONReader.membersMax).map { "\"\($0)\":{}" }.joined(separator: ",")
        #expect(refusal("[{\(members)},{\(members)}]") == nil)
        #expect(refusal("{\(members),\"x\":0}") == .tooManyMembers)
        #expect(refusal("{\(members),\"255\":0}") != nil)
    }

    @Test("integers are read up to both ends of 64 bits and not beyond")
    func integers() {
        func integer(_ text: String) -> Int64? {
            Array(text.utf8).withUnsafeBytes { raw in
                var reader = JSONReader(raw)
                guard let number = try? reader.number() else { return nil }
                return reader.integer(of: number)
            }
        }
        for value in [0, 1, -1, 42, Int64.max, Int64.min, Int64.max - 1, Int64.min + 1] { #expect(integer("\(value)") == value) }
        for text in ["9223372036854775808", "-9223372036854775809", "1.0", "1e2", "99999999999999999999999"] {
            #expect(integer(text) == nil, "\(text)")
        }
        #expect(integer("-0") == 0)
    }

    @Test("U+0000 is told of strings that hold it", arguments: [(#""a\u0000b""#, true), (#""\u0001 0000""#, false)])
    func nul(text: String, hasNUL: Bool) throws {
        let string = try Array(text.utf8).withUnsafeBytes { raw in
            var reader = JSONReader(raw)
            return try reader.string()
        }
        #expect(string.hasNUL == hasNUL)
    }
}

/// Random JSON, and random damage to it, with Foundation as the judge.
@Suite("Reading JSON as Foundation does")
struct JSONOracleTests {
    @Test("what the reader takes Foundation reads as the same, and what it refuses is refused there or by a rule of ours")
    func oracle() throws {
        var generator = SplitMix64(seed: 20_261)
        var taken = 0
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = Array(randomValue(depth: 0, &generator).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &generator) { damage(&bytes, &generator) }
            let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
            if let error = refusal(bytes) {
                refused += 1
                // Foundation takes the last of two members with one name.
                #expect(theirs == nil || error.code == .repeatedName, "\(String(decoding: bytes, as: UTF8.self)): \(error)")
            } else {
                taken += 1
                // Foundation has no number beyond its types.
                guard let theirs else {
                    #expect(bytes.contains { $0 | 0x20 == UInt8(ascii: "e") }, "\(String(decoding: bytes, as: UTF8.self))")
                    continue
                }
                #expect(try spelling(bytes) == spelling(foundation: theirs), "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(taken > 5000 && refused > 2000, "\(taken) taken, \(refused) refused")
    }

    private func randomValue(depth: Int, _ generator: inout SplitMix64) -> String {
        let blank = [" ", "\n", "", "", ""].randomElement(using: &generator) ?? ""
        let body: String
        switch Int.random(in: 0..<(depth < 4 ? 8 : 5), using: &generator) {
        case 0: body = ["true", "false", "null"].randomElement(using: &generator) ?? "null"
        case 1: body = "\(Int64.random(in: .min ... .max, using: &generator))"
        case 2: body = "\(Int.random(in: -999...999, using: &generator)).5e\(Int.random(in: 0...9, using: &generator))"
        case 3, 4: body = randomString(&generator)
        case 5:
            let count = Int.random(in: 0...4, using: &generator)
            body = "[" + (0..<count).map { _ in randomValue(depth: depth + 1, &generator) }.joined(separator: ",") + "]"
        default:
            let count = Int.random(in: 0...4, using: &generator)
            let members = (0..<count).map { _ in
                "\(randomString(&generator)):\(randomValue(depth: depth + 1, &generator))"
            }
            body = "{" + members.joined(separator: ", ") + "}"
        }
        return blank + body + blank
    }

    private func randomString(_ generator: inout SplitMix64) -> String {
        let pieces = [
            "a", "z", "0", " ", "é", "€", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\uD83D\\uDE00", "\\u20ac",
        ]
        let count = Int.random(in: 0...5, using: &generator)
        return "\"" + (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined() + "\""
    }

    private func damage(_ bytes: inout [UInt8], _ generator: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let at = Int.random(in: 0..<bytes.count, using: &generator)
        let other = Array("\"\\{}[],:0-e.ut \u{1}".utf8).randomElement(using: &generator) ?? 0
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.remove(at: at)
        case 1: bytes.insert(other, at: at)
        case 2: bytes[at] = other
        default: bytes[at] = UInt8.random(in: 1...255, using: &generator)
        }
    }
}
