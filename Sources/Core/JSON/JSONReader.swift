/// Reads JSON (RFC 8259) from its first byte to its last, once, value by value as its caller asks for them, and keeps nothing of it.
///
/// Strict: UTF-8 only, escapes and surrogate pairs have to be right, no name twice in one object, nothing between or behind the values.
/// Nothing is allocated for a value: strings and numbers are told by where they stand. After an error the reader is of no more use.
package struct JSONReader {
    package enum Kind: Sendable {
        case object, array, string, number, bool, null
    }

    /// An object or array that has been begun and not ended.
    private struct Frame {
        /// Where its names begin in `nameHashes`.
        var firstName: Int
        var membersCount: Int
    }

    let bytes: UnsafeRawBufferPointer
    /// The first byte that has not been read.
    package private(set) var offset = 0
    private var frames: [Frame] = []
    private var nameHashes: [UInt64] = []

    /// How many objects and arrays may be inside each other.
    package static let depthMax = 32
    /// How many members one object may have: they are compared with each other.
    package static let membersMax = 256

    /// - Parameter bytes: must stay where they are while the reader and what it returns are used.
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        frames.reserveCapacity(Self.depthMax)
        nameHashes.reserveCapacity(Self.membersMax)
    }

    // MARK: Where the reader is

    /// Whether nothing but blanks follows; they are passed over.
    package mutating func isAtEnd() -> Bool {
        skipBlanks()
        return offset == bytes.count
    }

    /// What the next value is, judged by its first byte. Nothing but blanks is read.
    package mutating func nextKind() throws(JSONError) -> Kind {
        switch try peek() {
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: throw JSONError(.unexpectedByte, at: offset)
        }
    }

    // MARK: Objects and arrays

    package mutating func beginObject() throws(JSONError) { try begin(UInt8(ascii: "{")) }
    package mutating func beginArray() throws(JSONError) { try begin(UInt8(ascii: "[")) }

    /// The name of the object's next member, whose value has to be read next; nil at the object's end.
    package mutating func nextName() throws(JSONError) -> JSONString? {
        guard try next(before: UInt8(ascii: "}")) else { return nil }
        let name = try string()
        try keep(name)
        try expect(UInt8(ascii: ":"))
        return name
    }

    /// Whether the array has another element, which has to be read next.
    package mutating func hasNextElement() throws(JSONError) -> Bool { try next(before: UInt8(ascii: "]")) }

    private mutating func begin(_ byte: UInt8) throws(JSONError) {
        try expect(byte)
        guard frames.count < Self.depthMax else { throw JSONError(.tooDeep, at: offset) }
        frames.append(Frame(firstName: nameHashes.count, membersCount: 0))
    }

    /// Passes over the comma before a member or element, or over the end; false at the end.
    private mutating func next(before end: UInt8) throws(JSONError) -> Bool {
        let top = frames.count - 1
        let byte = try peek()
        if byte == end {
            offset += 1
            nameHashes.removeLast(nameHashes.count - frames[top].firstName)
            frames.removeLast()
            return false
        }
        if frames[top].membersCount > 0 { try expect(UInt8(ascii: ",")) }
        frames[top].membersCount += 1
        return true
    }

    private mutating func keep(_ name: JSONString) throws(JSONError) {
        let hash = hash(of: name)
        var at = frames[frames.count - 1].firstName
        guard nameHashes.count - at < Self.membersMax else { throw JSONError(.tooManyMembers, at: offset) }
        // Of two names with one hash the second is refused as well; with 64 bits that does not happen by chance.
        while at < nameHashes.count {
            if nameHashes[at] == hash { throw JSONError(.repeatedName, at: offset) }
            at += 1
        }
        nameHashes.append(hash)
    }

    // MARK: Values

    package mutating func string() throws(JSONError) -> JSONString {
        try expect(UInt8(ascii: "\""))
        let start = offset
        var hasEscapes = false
        var hasNUL = false
        while true {
            guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: offset) }
            let byte = bytes[offset]
            if byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                offset += 1
            } else if byte == UInt8(ascii: "\"") {
                offset += 1
                return JSONString(start: start, count: offset - 1 - start, hasEscapes: hasEscapes, hasNUL: hasNUL)
            } else if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                if try skipEscape() == 0 { hasNUL = true }
            } else if byte < 0x20 {
                throw JSONError(.controlCharacter, at: offset)
            } else {
                try skipUTF8()
            }
        }
    }

    package mutating func number() throws(JSONError) -> JSONNumber {
        let first = try peek()
        let start = offset
        if first == UInt8(ascii: "-") { offset += 1 }
        let integerStart = offset
        let digits = skipDigits()
        guard digits > 0, digits == 1 || bytes[integerStart] != UInt8(ascii: "0") else {
            throw JSONError(.malformedNumber, at: start)
        }
        var isInteger = true
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            guard skipDigits() > 0 else { throw JSONError(.malformedNumber, at: start) }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset += 1 }
            guard skipDigits() > 0 else { throw JSONError(.malformedNumber, at: start) }
        }
        return JSONNumber(start: start, count: offset - start, isInteger: isInteger)
    }

    package mutating func bool() throws(JSONError) -> Bool {
        if try peek() == UInt8(ascii: "t") {
            try expect("true")
            return true
        }
        try expect("false")
        return false
    }

    package mutating func null() throws(JSONError) {
        _ = try peek()
        try expect("null")
    }

    /// Reads a value of any kind to its end.
    package mutating func skipValue() throws(JSONError) {
        switch try nextKind() {
        case .object:
            try beginObject()
            while try nextName() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try hasNextElement() { try skipValue() }
        case .string: _ = try string()
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: try null()
        }
    }

    // MARK: Bytes

    private mutating func skipBlanks() {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            offset += 1
        }
    }

    /// The next byte that is no blank.
    private mutating func peek() throws(JSONError) -> UInt8 {
        skipBlanks()
        guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: offset) }
        return bytes[offset]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw JSONError(.unexpectedByte, at: offset) }
        offset += 1
    }

    private mutating func expect(_ word: StaticString) throws(JSONError) {
        for at in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: offset) }
            guard bytes[offset] == word.utf8Start[at] else { throw JSONError(.unexpectedByte, at: offset) }
            offset += 1
        }
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while offset < bytes.count, bytes[offset] &- 48 <= 9 { offset += 1 }
        return offset - start
    }

    /// Passes over an escape and returns the scalar it stands for.
    private mutating func skipEscape() throws(JSONError) -> UInt32 {
        let (scalar, length) = JSONString.escape(bytes, at: offset)
        guard length > 0 else {
            throw JSONError(length == JSONString.isCutOff ? .unexpectedEnd : .malformedEscape, at: offset)
        }
        offset += length
        return scalar
    }

    /// Passes over one scalar of two to four bytes. The Unicode Standard, table 3-7.
    private mutating func skipUTF8() throws(JSONError) {
        let first = bytes[offset]
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        let following: Int
        switch first {
        case 0xc2...0xdf: following = 1
        case 0xe0...0xef:
            following = 2
            if first == 0xe0 { low = 0xa0 }
            if first == 0xed { high = 0x9f }
        case 0xf0...0xf4:
            following = 3
            if first == 0xf0 { low = 0x90 }
            if first == 0xf4 { high = 0x8f }
        default: throw JSONError(.notUTF8, at: offset)
        }
        for at in 1...following {
            guard offset + at < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            let byte = bytes[offset + at]
            guard byte >= low, byte <= high else { throw JSONError(.notUTF8, at: offset) }
            low = 0x80
            high = 0xbf
        }
        offset += following + 1
    }
}
