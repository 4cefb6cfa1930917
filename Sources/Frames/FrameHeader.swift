import Core

/// The fixed part of every message between a gateway and a worker. `docs/design/frames.md` documents the format byte by byte.
///
/// ```
/// offset  size  request                         reply
///      0     4  length of what follows          the same
///      4     1  version                         the same
///      5     1  operation                       outcome
///      6     2  shard                           shard
///      8     8  request id                      request id
///     16     4  budget, microseconds            word: HTTP status or problem code
///     20     …  fields of the operation         fields of the outcome
/// ```
/// All integers are little-endian.
package struct FrameHeader: Equatable, Sendable {
    package static let version: UInt8 = 1
    /// Bytes of the header, the length field among them.
    package static let size = 20
    /// The longest frame, header and all. A longer one closes the connection.
    package static let frameBytesMax = 4 << 20

    package var code: UInt8
    package var shard: UInt16
    /// The gateway's name for the request: the slot in the low half, the slot's generation in the high half.
    package var requestID: UInt64
    package var word: UInt32

    package init(code: UInt8, shard: UInt16, requestID: UInt64, word: UInt32) {
        self.code = code
        self.shard = shard
        self.requestID = requestID
        self.word = word
    }
}

/// Why bytes are not a frame. The connection that carried them is closed: there is no way to find the next frame.
package enum FrameError: Error, Equatable, Sendable, CustomStringConvertible {
    case tooLong(bytes: Int)
    case tooShort(bytes: Int)
    case unknownVersion(UInt8)

    package var description: String {
        switch self {
        case .tooLong(let bytes): "a frame of \(bytes) bytes is over the limit of \(FrameHeader.frameBytesMax)"
        case .tooShort(let bytes): "a frame of \(bytes) bytes is shorter than its header of \(FrameHeader.size)"
        case .unknownVersion(let version): "frame version \(version); this process speaks \(FrameHeader.version)"
        }
    }
}

/// Walks over the frames in a run of received bytes, without copying.
package struct FrameScanner {
    let bytes: UnsafeRawBufferPointer
    /// How many bytes have been taken as whole frames.
    package private(set) var consumed = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether `next` would find a frame or an error in these bytes: spares copying a long frame with each of its pieces.
    package static func canAdvance(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4 else { return false }
        let total = Int(bytes.loadUnaligned(as: UInt32.self).littleEndian) + 4
        if total > FrameHeader.frameBytesMax || total < FrameHeader.size || bytes.count >= total { return true }
        return bytes.count > 4 && bytes[4] != FrameHeader.version
    }

    /// The next whole frame and its fields, or nil when the rest is not a whole frame yet.
    package mutating func next() throws(FrameError) -> (header: FrameHeader, fields: FieldReader)? {
        let rest = bytes.count - consumed
        guard rest >= 4 else { return nil }
        let following = Int(bytes.loadUnaligned(fromByteOffset: consumed, as: UInt32.self).littleEndian)
        let total = following + 4
        if total > FrameHeader.frameBytesMax { throw .tooLong(bytes: total) }
        if total < FrameHeader.size { throw .tooShort(bytes: total) }
        guard rest >= 5 else { return nil }
        let version = bytes[consumed + 4]
        if version != FrameHeader.version { throw .unknownVersion(version) }
        guard rest >= total else { return nil }
        let header = FrameHeader(
            code: bytes[consumed + 5],
            shard: bytes.loadUnaligned(fromByteOffset: consumed + 6, as: UInt16.self).littleEndian,
            requestID: bytes.loadUnaligned(fromByteOffset: consumed + 8, as: UInt64.self).littleEndian,
            word: bytes.loadUnaligned(fromByteOffset: consumed + 16, as: UInt32.self).littleEndian)
        let fields = UnsafeRawBufferPointer(rebasing: bytes[(consumed + FrameHeader.size)..<(consumed + total)])
        consumed += total
        return (header, FieldReader(fields))
    }
}

extension ByteBuilder {
    /// Begins a frame whose fields are appended next; returns where it begins, for `endFrame`.
    package func beginFrame(_ header: FrameHeader) -> Int {
        let start = count
        reserve(FrameHeader.size)
        let at = tail
        at.storeBytes(of: FrameHeader.version, toByteOffset: 4, as: UInt8.self)
        at.storeBytes(of: header.code, toByteOffset: 5, as: UInt8.self)
        at.storeBytes(of: header.shard.littleEndian, toByteOffset: 6, as: UInt16.self)
        at.storeBytes(of: header.requestID.littleEndian, toByteOffset: 8, as: UInt64.self)
        at.storeBytes(of: header.word.littleEndian, toByteOffset: 16, as: UInt32.self)
        advance(FrameHeader.size)
        return start
    }

    /// Writes the length of the frame that began at `start`. Returns false, and takes the frame back, if it is too long to be sent.
    @discardableResult package func endFrame(_ start: Int) -> Bool {
        guard count - start <= FrameHeader.frameBytesMax else {
            truncate(to: start)
            return false
        }
        replaceInteger(at: start, with: UInt32(count - start - 4))
        return true
    }
}
