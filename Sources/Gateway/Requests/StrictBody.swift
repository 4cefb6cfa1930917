import Core
import HTTP2

/// Reads a body that is one JSON object as strictly as transactions are read: no name twice in one object, nothing behind it. Null is the same
/// as absence.
struct StrictBody {
    private var reader: JSONReader
    private let scratch = ByteBuilder()

    /// - Parameter read: called for each member in turn; has to read its value.
    static func read(
        _ body: UnsafeRawBufferPointer, _ read: (inout StrictBody, _ name: String) throws(BodyError) -> Void
    ) throws(BodyError) {
        guard body.count <= ChangeBodies.bytesMax else {
            throw BodyError(field: nil, detail: "the body is over \(ChangeBodies.bytesMax) bytes")
        }
        var strict = StrictBody(reader: JSONReader(body))
        guard !strict.reader.isAtEnd(), try strict.kind() == .object else {
            throw BodyError(field: nil, detail: "the body must be one JSON object")
        }
        try strict.members(read)
        guard strict.reader.isAtEnd() else { throw BodyError(field: nil, detail: "the body must be one JSON object") }
    }

    private init(reader: JSONReader) { self.reader = reader }

    /// The members of an object inside the body; false for null.
    mutating func object(
        _ field: String, _ read: (inout StrictBody, _ name: String) throws(BodyError) -> Void
    ) throws(BodyError) -> Bool {
        guard try !isNull() else { return false }
        guard try kind() == .object else { throw BodyError(field: field, detail: "\(field) must be an object") }
        try members(read)
        return true
    }

    mutating func text(_ field: String) throws(BodyError) -> String? {
        guard try !isNull() else { return nil }
        guard try kind() == .string else { throw BodyError(field: field, detail: "\(field) must be a string") }
        let string = try json { reader throws(JSONError) in try reader.string() }
        return String(decoding: reader.text(of: string, scratch: scratch), as: UTF8.self)
    }

    mutating func number(_ field: String) throws(BodyError) -> Int64? {
        guard try !isNull() else { return nil }
        guard try kind() == .number, let number = reader.integer(of: try json { reader throws(JSONError) in try reader.number() })
        else { throw BodyError(field: field, detail: "\(field) must be a whole number of at most 64 bits") }
        return number
    }

    /// An array of strings.
    mutating func texts(_ field: String) throws(BodyError) -> [String]? {
        guard try !isNull() else { return nil }
        guard try kind() == .array else { throw BodyError(field: field, detail: "\(field) must be an array of strings") }
        var texts: [String] = []
        try json { reader throws(JSONError) in try reader.beginArray() }
        while try json({ reader throws(JSONError) in try reader.hasNextElement() }) {
            guard let text = try text(field) else {
                throw BodyError(field: field, detail: "\(field) must be an array of strings")
            }
            texts.append(text)
        }
        return texts
    }

    mutating func skip() throws(BodyError) { try json { reader throws(JSONError) in try reader.skipValue() } }

    // MARK: JSON

    private mutating func members(
        _ read: (inout StrictBody, _ name: String) throws(BodyError) -> Void
    ) throws(BodyError) {
        try json { reader throws(JSONError) in try reader.beginObject() }
        while let name = try json({ reader throws(JSONError) in try reader.nextName() }) {
            try read(&self, String(decoding: reader.text(of: name, scratch: scratch), as: UTF8.self))
        }
    }

    private mutating func isNull() throws(BodyError) -> Bool {
        guard try kind() == .null else { return false }
        try json { reader throws(JSONError) in try reader.null() }
        return true
    }

    private mutating func kind() throws(BodyError) -> JSONReader.Kind {
        try json { reader throws(JSONError) in try reader.nextKind() }
    }

    private mutating func json<R>(_ read: (inout JSONReader) throws(JSONError) -> R) throws(BodyError) -> R {
        do throws(JSONError) { return try read(&reader) } catch { throw BodyError(field: nil, detail: error.description) }
    }
}
