import Core

/// A job as bytes: what the one field `j` of a stream's entry holds, and a value of `:f`.
///
/// | offset | bytes | what |
/// | --- | --- | --- |
/// | 0 | 1 | version: 1 |
/// | 1 | 1 | failures |
/// | 2 | 1 | crashes (scripts write this byte) |
/// | 3 | 1 | length of the id, 1 to 64 |
/// | 4 | 1 | length of the last cause, 0 to 64 |
/// | 5 | 1 | postponements |
/// | 6 | 2 | length of the last error's text, 0 to 512 |
/// | 8 | 8 | milliseconds since 1970 when the job was first added |
/// | 16 | | id, cause, error text, and all the rest is the payload, 0 to 65,536 bytes |
///
/// Little-endian. Anybody may write to Redis, so every length is checked against the bytes that are there.
package enum JobRecord {
    static let version: UInt8 = 1
    static let headerBytes = 16
    static let errorBytesMax = 512
    package static let payloadBytesMax = 64 * 1024
    static let countMax = 255
    /// The longest record that is one.
    static let bytesMax = headerBytes + JobID.bytesMax + JobCause.bytesMax + errorBytesMax + payloadBytesMax

    struct Header: Equatable {
        var failures: UInt8
        var crashes: UInt8
        var idBytes: UInt8
        var causeBytes: UInt8
        var postponements: UInt8
        var errorBytes: UInt16
        var enqueuedAtMilliseconds: Int64

        var idEnd: Int { headerBytes + Int(idBytes) }
        var causeEnd: Int { idEnd + Int(causeBytes) }
        var payloadStart: Int { causeEnd + Int(errorBytes) }
    }

    /// The header, when all of the record is as it should be.
    static func header(of record: ArraySlice<UInt8>) -> Header? {
        record.withUnsafeBytes { bytes -> Header? in
            guard bytes.count >= headerBytes, bytes.count <= bytesMax, bytes[0] == version else { return nil }
            let header = Header(
                failures: bytes[1], crashes: bytes[2], idBytes: bytes[3], causeBytes: bytes[4], postponements: bytes[5],
                errorBytes: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)),
                enqueuedAtMilliseconds: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
            guard (1...JobID.bytesMax).contains(Int(header.idBytes)), header.causeBytes <= JobCause.bytesMax,
                header.errorBytes <= errorBytesMax, header.payloadStart <= bytes.count,
                bytes.count - header.payloadStart <= payloadBytesMax
            else { return nil }
            for index in headerBytes..<header.idEnd where !JobID.isAllowed(bytes[index]) { return nil }
            return header
        }
    }

    /// Counts over 255 are written as 255, and a long error text is cut.
    static func encode(
        id: some Collection<UInt8>, failures: Int, crashes: Int, postponements: Int = 0, enqueuedAtMilliseconds: Int64,
        cause: JobCause?, error: String, payload: some Collection<UInt8>
    ) -> [UInt8] {
        let causeBytes = cause.map { Array($0.word.utf8) } ?? []
        let errorText = Array(Self.cut(error).utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerBytes + id.count + causeBytes.count + errorText.count + payload.count)
        bytes.append(version)
        bytes.append(UInt8(clamping: failures))
        bytes.append(UInt8(clamping: crashes))
        bytes.append(UInt8(id.count))
        bytes.append(UInt8(causeBytes.count))
        bytes.append(UInt8(clamping: postponements))
        withUnsafeBytes(of: UInt16(errorText.count).littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: enqueuedAtMilliseconds.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: id)
        bytes.append(contentsOf: causeBytes)
        bytes.append(contentsOf: errorText)
        bytes.append(contentsOf: payload)
        return bytes
    }

    /// At most 512 bytes of a text, cut between characters.
    static func cut(_ text: String) -> String {
        guard text.utf8.count > errorBytesMax else { return text }
        var cut = text.prefix(errorBytesMax)
        while cut.utf8.count > errorBytesMax { cut.removeLast() }
        return String(cut)
    }
}
