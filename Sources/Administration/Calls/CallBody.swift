import Core

/// A value in a request's body.
package enum CallValue: Equatable, Sendable {
    case text(String)
    case number(Int64)
    case truth(Bool)
    case texts([String])
}

/// A request's body: one JSON object of few members, each of them a simple value. What is not asked for is not accepted.
package struct CallBody: Equatable, Sendable {
    private(set) var members: [String: CallValue]

    static let membersMax = 16
    /// Elements of one array.
    static let elementsMax = 1_024

    init(_ members: [String: CallValue?] = [:]) {
        self.members = members.compactMapValues { $0 }
    }

    /// JSON, the members in the order of their names.
    package var bytes: [UInt8] {
        let text = ByteBuilder()
        text.append(UInt8(ascii: "{"))
        for (at, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
            if at > 0 { text.append(UInt8(ascii: ",")) }
            text.appendJSON(member.key)
            text.append(UInt8(ascii: ":"))
            switch member.value {
            case .text(let value): text.appendJSON(value)
            case .number(let value): text.appendDecimal(value)
            case .truth(let value): text.append(value ? "true" : "false")
            case .texts(let values):
                text.append(UInt8(ascii: "["))
                for (at, value) in values.enumerated() {
                    if at > 0 { text.append(UInt8(ascii: ",")) }
                    text.appendJSON(value)
                }
                text.append(UInt8(ascii: "]"))
            }
        }
        text.append(UInt8(ascii: "}"))
        return Array(text.bytes)
    }

    /// Strict JSON (`JSONReader`). No bytes at all are an object without members; a member that is null is one that is not there.
    /// - Throws: `malformedRequest`.
    init(_ bytes: [UInt8]) throws(AdministrationFault) {
        if bytes.isEmpty {
            members = [:]
            return
        }
        do { members = try bytes.withUnsafeBytes { try Self.read($0) } } catch let fault as AdministrationFault {
            throw fault
        } catch {
            throw AdministrationFault(.malformedRequest, "the body is not the JSON object wanted: \(error)")
        }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) throws -> [String: CallValue] {
        var reader = JSONReader(bytes)
        var members: [String: CallValue] = [:]
        var count = 0
        try reader.beginObject()
        while let name = try reader.nextName() {
            count += 1
            guard count <= membersMax else {
                throw AdministrationFault(.malformedRequest, "the body has more than \(membersMax) members")
            }
            let key = text(name, reader)
            guard let value = try value(of: key, &reader) else { continue }
            members[key] = value
        }
        guard reader.isAtEnd() else { throw JSONError(.unexpectedByte, at: reader.offset) }
        return members
    }

    /// Nil for null.
    private static func value(of key: String, _ reader: inout JSONReader) throws -> CallValue? {
        switch try reader.nextKind() {
        case .string: return .text(text(try reader.string(), reader))
        case .number:
            let number = try reader.number()
            guard let value = reader.integer(of: number) else {
                throw AdministrationFault(.malformedRequest, "`\(CallWords.shown(key))` is not a whole number of 64 bits")
            }
            return .number(value)
        case .bool: return .truth(try reader.bool())
        case .null:
            try reader.null()
            return nil
        case .array:
            var texts: [String] = []
            try reader.beginArray()
            while try reader.hasNextElement() {
                guard texts.count < elementsMax else {
                    throw AdministrationFault(
                        .malformedRequest, "`\(CallWords.shown(key))` has more than \(elementsMax) elements")
                }
                texts.append(text(try reader.string(), reader))
            }
            return .texts(texts)
        case .object:
            throw AdministrationFault(
                .malformedRequest, "`\(CallWords.shown(key))` is an object; the body has simple values alone")
        }
    }

    private static func text(_ string: JSONString, _ reader: JSONReader) -> String {
        let scratch = ByteBuilder(capacity: max(1, string.count))
        // What comes back may stand in there.
        return withExtendedLifetime(scratch) { String(decoding: reader.text(of: string, scratch: scratch), as: UTF8.self) }
    }
}
