import Core
import TestServers
import Testing

@testable import Store

@Suite struct BinaryCopyReaderTests {
    private static let header: [UInt8] =
        [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)
    private static let trailer: [UInt8] = [0xFF, 0xFF]

    private static func field(_ bytes: [UInt8]?) -> [UInt8] {
        guard let bytes else { return [0xFF, 0xFF, 0xFF, 0xFF] }
        return bigEndian(Int32(bytes.count)) + bytes
    }

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) }
    }

    private static func affiliate(status: String = "active", shard: Int16 = 3, id: Int64 = 7, registration: Int64 = 5) -> [UInt8]
    {
        bigEndian(Int16(12)) + field(bigEndian(shard)) + field(bigEndian(id)) + field(nil) + field([UInt8](status.utf8))
            + field(bigEndian(registration)) + field([65]) + field(nil) + field([]) + field(nil) + field([66, 67]) + field(nil)
            + field([68])
    }

    /// Reads messages as a COPY of affiliates and answers their ids.
    private static func read(_ messages: [[UInt8]]) throws -> [Int64] {
        var reader = BinaryCopyReader()
        var ids: [Int64] = []
        for message in messages {
            try message.withUnsafeBytes { bytes in
                try reader.feed(bytes, columns: 12) { fields in
                    let record = try AffiliateCopy.decode(&fields)
                    ids.append(record.id.rawValue)
                    // Touch every byte the record claims.
                    var sum: UInt8 = 0
                    for text in [
                        record.externalID, record.referralCode, record.name, record.email, record.phone, record.document,
                        record.category,
                    ] {
                        for byte in text { sum &+= byte }
                    }
                    _ = sum
                }
            }
        }
        try reader.finish()
        return ids
    }

    @Test("tuples are read one a message, many a message, or with header and trailer in the same")
    func messageBounds() throws {
        let (a, b) = (Self.affiliate(id: 1), Self.affiliate(id: 2))
        #expect(try Self.read([Self.header + a, b, Self.trailer]) == [1, 2])
        #expect(try Self.read([Self.header + a + b + Self.trailer]) == [1, 2])
        #expect(try Self.read([Self.header, a + b, Self.trailer]) == [1, 2])
        #expect(try Self.read([Self.header + Self.trailer]) == [])
    }

    @Test("a copy cut short anywhere, or one that does not end, is an error")
    func truncation() throws {
        let whole = Self.header + Self.affiliate() + Self.trailer
        for length in 0..<whole.count {
            #expect(throws: StoreError.self) { try Self.read([Array(whole[..<length])]) }
        }
        #expect(throws: StoreError.self) { try Self.read([whole + [0]]) }
        #expect(throws: StoreError.self) { try Self.read([whole + Self.affiliate()]) }
        #expect(throws: StoreError.self) { try Self.read([]) }
    }

    @Test("fields that no affiliate can have are errors")
    func invalidFields() throws {
        for bad in [
            Self.affiliate(status: "activ"), Self.affiliate(status: "bunned"), Self.affiliate(status: ""),
            Self.affiliate(shard: 256),
            Self.affiliate(shard: -1), Self.affiliate(id: 0), Self.affiliate(id: -7), Self.affiliate(registration: .max),
            Self.affiliate(registration: .min), Self.bigEndian(Int16(11)) + Self.field([1]),
        ] {
            #expect(throws: StoreError.self) { try Self.read([Self.header + bad, Self.trailer]) }
        }
    }

    @Test("no mutated bytes read out of bounds or trap: they are read, or they are an error")
    func mutations() throws {
        var generator = SeededGenerator(seed: 99)
        let whole = Self.header + Self.affiliate() + Self.affiliate(id: 8) + Self.trailer
        var errors = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do { _ = try Self.read([bytes]) } catch is StoreError { errors += 1 }
        }
        #expect(errors > 1000)
    }
}
