import Core

/// Puts frames together from bytes as they arrive on a connection. Whole frames are handed out in place; only the beginning of one whose rest
/// is still to come is kept, at most `FrameHeader.frameBytesMax` bytes.
package final class FrameAssembler {
    private var partial = ByteBuilder(capacity: 4096)
    private var spare = ByteBuilder(capacity: 4096)

    package init() {}

    /// Takes received bytes and hands every whole frame to `onFrame`, whose field reader is valid during the call only.
    /// - Throws: when the bytes cannot be frames: the connection is beyond use.
    package func receive(
        _ bytes: UnsafeRawBufferPointer, _ onFrame: (FrameHeader, FieldReader) -> Void
    ) throws(FrameError) {
        if partial.count == 0 {
            let consumed = try scan(bytes, onFrame)
            partial.append(UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
            return
        }
        partial.append(bytes)
        guard FrameScanner.canAdvance(partial.bytes) else { return }
        swap(&partial, &spare)
        partial.removeAll()
        let consumed = try scan(spare.bytes, onFrame)
        partial.append(UnsafeRawBufferPointer(rebasing: spare.bytes[consumed...]))
        spare.removeAll()
    }

    /// Forgets the beginning of a frame, when its connection is gone.
    package func reset() { partial.removeAll() }

    private func scan(
        _ bytes: UnsafeRawBufferPointer, _ onFrame: (FrameHeader, FieldReader) -> Void
    ) throws(FrameError) -> Int {
        var scanner = FrameScanner(bytes)
        while let (header, fields) = try scanner.next() { onFrame(header, fields) }
        return scanner.consumed
    }
}
