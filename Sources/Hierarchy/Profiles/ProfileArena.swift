import Core

/// Profiles one after the other in one block of bytes.
///
/// A record starts on a 4-byte word: registration time (8 bytes), seven lengths (a varint each, length + 1, 0 for nil; for
/// the category 0 stands for the default one, which nearly all have), then the bytes of the fields. An offset counts words, so
/// 32 bits reach 16 GiB.
///
/// Appended to by one thread while its owner is being built; never changed after that.
final class ProfileArena: @unchecked Sendable {
    /// The longest text one field may have.
    static let fieldBytesMax = 65_536
    private static let wordBytes = 4
    /// What offsets of 32 bits reach.
    static let bytesMax = Int(UInt32.max) * wordBytes
    private static let fieldCount = 7
    private static let varintBytesMax = 3
    private static let headerBytesMax = 8 + fieldCount * varintBytesMax

    private var start: UnsafeMutableRawPointer
    private(set) var capacity: Int
    /// Bytes in use, a multiple of the word.
    private(set) var count = 0

    init(capacity: Int = 0) {
        self.capacity = max(capacity, 64)
        self.start = .allocate(byteCount: self.capacity, alignment: 8)
    }

    convenience init(copying other: ProfileArena) {
        self.init(capacity: other.count)
        append(contentsOf: other)
    }

    deinit { start.deallocate() }

    /// Adds a record and gives back its offset in words.
    func append(_ view: ProfileView, id: Int64) throws(PartitionError) -> UInt32 {
        let category = ProfileArena.isDefaultCategory(view.category) ? nil : view.category
        let fields = (
            view.externalID as UnsafeRawBufferPointer?, view.referralCode, view.name as UnsafeRawBufferPointer?,
            view.email, view.phone, view.document, category
        )
        var length = 0
        func measure(_ field: UnsafeRawBufferPointer?) throws(PartitionError) {
            guard let field else { return }
            guard field.count <= Self.fieldBytesMax else { throw .profileFieldTooLong(id: id, bytes: field.count) }
            length += field.count
        }
        try measure(fields.0)
        try measure(fields.1)
        try measure(fields.2)
        try measure(fields.3)
        try measure(fields.4)
        try measure(fields.5)
        try measure(fields.6)
        guard count < Self.bytesMax else { throw .profilesTooLarge(id: id) }
        reserve(Self.headerBytesMax + length + Self.wordBytes)

        let offset = UInt32(count / Self.wordBytes)
        var at = count
        start.storeBytes(of: view.registrationMicroseconds, toByteOffset: at, as: Int64.self)
        at += 8
        func head(_ field: UnsafeRawBufferPointer?) {
            var rest = field.map { $0.count + 1 } ?? 0
            while rest >= 0x80 {
                start.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: at, as: UInt8.self)
                rest >>= 7
                at += 1
            }
            start.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: at, as: UInt8.self)
            at += 1
        }
        head(fields.0)
        head(fields.1)
        head(fields.2)
        head(fields.3)
        head(fields.4)
        head(fields.5)
        head(fields.6)
        func body(_ field: UnsafeRawBufferPointer?) {
            guard let field, let from = field.baseAddress, field.count > 0 else { return }
            (start + at).copyMemory(from: from, byteCount: field.count)
            at += field.count
        }
        body(fields.0)
        body(fields.1)
        body(fields.2)
        body(fields.3)
        body(fields.4)
        body(fields.5)
        body(fields.6)
        count = (at + Self.wordBytes - 1) & ~(Self.wordBytes - 1)
        return offset
    }

    /// Copies one record of another arena, byte for byte.
    func append(recordAt offset: UInt32, of other: ProfileArena) -> UInt32 {
        let from = Int(offset) * Self.wordBytes
        let bytes = other.recordEnd(from) - from
        reserve(bytes + Self.wordBytes)
        let result = UInt32(truncatingIfNeeded: count / Self.wordBytes)
        (start + count).copyMemory(from: other.start + from, byteCount: bytes)
        count = (count + bytes + Self.wordBytes - 1) & ~(Self.wordBytes - 1)
        return result
    }

    /// Copies all of another arena; what was at offset `o` there is at `o` plus the result here.
    @discardableResult
    func append(contentsOf other: ProfileArena) -> UInt32 {
        reserve(other.count)
        let shift = UInt32(truncatingIfNeeded: count / Self.wordBytes)
        (start + count).copyMemory(from: other.start, byteCount: other.count)
        count += other.count
        return shift
    }

    /// The record at an offset this arena gave out.
    func view(at offset: UInt32) -> ProfileView {
        var at = Int(offset) * Self.wordBytes
        precondition(at + 8 + Self.fieldCount <= count, "a profile offset of another partition")
        let registration = start.loadUnaligned(fromByteOffset: at, as: Int64.self)
        at += 8
        let lengths = (
            nextLength(&at), nextLength(&at), nextLength(&at), nextLength(&at), nextLength(&at), nextLength(&at),
            nextLength(&at)
        )
        func field(_ length: Int) -> UnsafeRawBufferPointer? {
            guard length > 0 else { return nil }
            defer { at += length - 1 }
            return UnsafeRawBufferPointer(start: start + at, count: length - 1)
        }
        let empty = UnsafeRawBufferPointer(start: start, count: 0)
        let externalID = field(lengths.0) ?? empty
        let referralCode = field(lengths.1)
        let name = field(lengths.2) ?? empty
        let email = field(lengths.3)
        let phone = field(lengths.4)
        let document = field(lengths.5)
        let category = field(lengths.6) ?? Self.defaultCategoryBytes
        return ProfileView(
            registrationMicroseconds: registration, externalID: externalID, referralCode: referralCode, name: name,
            email: email, phone: phone, document: document, category: category)
    }

    @inline(__always)
    private func nextLength(_ at: inout Int) -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = start.load(fromByteOffset: at, as: UInt8.self)
            at += 1
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private func recordEnd(_ from: Int) -> Int {
        var at = from + 8
        var bytes = 0
        for _ in 0..<Self.fieldCount { bytes += max(nextLength(&at) - 1, 0) }
        return at + bytes
    }

    /// Gives back room beyond what is in use, if it is more than an eighth.
    func trim() {
        if capacity - count > capacity / 8 { resize(to: max(count, 1)) }
    }

    private func reserve(_ more: Int) {
        let needed = count + more
        if needed > capacity { resize(to: max(needed, capacity + capacity / 2)) }
    }

    private func resize(to newCapacity: Int) {
        capacity = newCapacity
        let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        grown.copyMemory(from: start, byteCount: count)
        start.deallocate()
        start = grown
    }

    private static let defaultCategory: StaticString = "standard"
    private static var defaultCategoryBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: defaultCategory.utf8Start, count: defaultCategory.utf8CodeUnitCount)
    }

    private static func isDefaultCategory(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count == defaultCategory.utf8CodeUnitCount && bytes.elementsEqual(defaultCategoryBytes)
    }
}
