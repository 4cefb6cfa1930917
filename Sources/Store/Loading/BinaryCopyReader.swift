/// Reads PostgreSQL's binary COPY format: a header, tuples of length-prefixed fields, a trailer.
///
/// Bytes are taken as the server's messages bring them: whole tuples, several of them or one in a message. Nothing is trusted:
/// whatever does not add up throws `malformedCopy`, and no read goes past the end of a message.
/// Format: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".
struct BinaryCopyReader {
    private enum State { case header, tuples, ended }
    private var state = State.header
    private var tuplesRead = 0

    /// "PGCOPY\n\377\r\n\0" before the flags and the header extension.
    private static let signature: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]
    private static let headerBytes = 19
    /// Flag bits 16 to 31 are critical: a reader that does not know them must stop.
    private static let criticalFlags: UInt32 = 0xFFFF_0000

    /// Takes one message apart and hands each tuple of `columns` fields to `onTuple`, positioned at its first field.
    mutating func feed(
        _ message: UnsafeRawBufferPointer, columns: Int, _ onTuple: (inout BinaryCopyFields) throws -> Void
    ) throws {
        var fields = BinaryCopyFields(message)
        if state == .header {
            try readHeader(&fields)
            state = .tuples
        }
        while !fields.isAtEnd {
            guard state == .tuples else { throw fields.malformed("bytes after the end of the copy") }
            let count = Int(try fields.int16())
            if count == -1 {
                state = .ended
                continue
            }
            guard count == columns else { throw fields.malformed("tuple \(tuplesRead) has \(count) fields, expected \(columns)") }
            try onTuple(&fields)
            tuplesRead += 1
        }
    }

    /// To be called when no more messages come.
    func finish() throws {
        guard state == .ended else {
            throw StoreError(.malformedCopy, "the copy ended after \(tuplesRead) tuples without its trailer")
        }
    }

    private func readHeader(_ fields: inout BinaryCopyFields) throws {
        let head = try fields.raw(Self.headerBytes)
        guard head.prefix(Self.signature.count).elementsEqual(Self.signature) else {
            throw fields.malformed("not a binary copy: the signature is missing")
        }
        let flags = UInt32(bigEndian: head.loadUnaligned(fromByteOffset: 11, as: UInt32.self))
        guard flags & Self.criticalFlags == 0 else { throw fields.malformed("unknown critical flags \(flags) in the header") }
        let extensionBytes = Int(Int32(bigEndian: head.loadUnaligned(fromByteOffset: 15, as: Int32.self)))
        guard extensionBytes >= 0 else { throw fields.malformed("a header extension of \(extensionBytes) bytes") }
        _ = try fields.raw(extensionBytes)
    }
}

/// The fields of one message, read one after the other; every read is checked against the end.
struct BinaryCopyFields {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    func malformed(_ problem: String) -> StoreError {
        StoreError(.malformedCopy, "malformed binary copy at byte \(offset) of a message of \(bytes.count): \(problem)")
    }

    /// `count` bytes as they are.
    @inline(__always)
    mutating func raw(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - offset else { throw malformed("\(count) bytes expected") }
        let start = offset
        offset += count
        return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
    }

    @inline(__always)
    mutating func int16() throws -> Int16 {
        guard bytes.count - offset >= 2 else { throw malformed("a field count expected") }
        defer { offset += 2 }
        return Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self))
    }

    /// The length before a field: -1 for a null, otherwise not negative and within the message.
    @inline(__always)
    private mutating func length() throws -> Int {
        guard bytes.count - offset >= 4 else { throw malformed("a field length expected") }
        let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        guard length >= -1, length <= bytes.count - offset - 4 else { throw malformed("a field of \(length) bytes") }
        offset += 4
        return length
    }

    /// A `bigint` that is not null.
    @inline(__always)
    mutating func bigint() throws -> Int64 {
        guard try length() == 8 else { throw malformed("a bigint expected") }
        defer { offset += 8 }
        return Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
    }

    /// A `bigint`, or nil for a null.
    @inline(__always)
    mutating func optionalBigint() throws -> Int64? {
        switch try length() {
        case -1: return nil
        case 8:
            defer { offset += 8 }
            return Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        default: throw malformed("a bigint expected")
        }
    }

    /// A `smallint` that is not null.
    @inline(__always)
    mutating func smallint() throws -> Int16 {
        guard try length() == 2 else { throw malformed("a smallint expected") }
        defer { offset += 2 }
        return Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self))
    }

    /// A text that is not null.
    @inline(__always)
    mutating func text() throws -> UnsafeRawBufferPointer {
        let count = try length()
        guard count >= 0 else { throw malformed("a text expected, found null") }
        return try raw(count)
    }

    /// A text; a null has no base address.
    @inline(__always)
    mutating func optionalText() throws -> UnsafeRawBufferPointer {
        let count = try length()
        return count < 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : try raw(count)
    }
}
