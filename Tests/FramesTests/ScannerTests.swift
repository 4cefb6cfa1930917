import Core
import Testing

@testable import Frames

private func frame(_ code: UInt8, fields: [UInt8]) -> [UInt8] {
    written { builder in
        let start = builder.beginFrame(FrameHeader(code: code, shard: 300, requestID: 0x0102_0304_0506_0708, word: 0xa0b0_c0d0))
        fields.withUnsafeBytes { builder.append($0) }
        #expect(builder.endFrame(start))
    }
}

/// Feeds pieces of the given sizes as a connection does; returns what came out, and the error if there was one.
private func scan(_ bytes: [UInt8], pieces: (Int) -> Int) -> (frames: [(code: UInt8, fields: [UInt8])], error: FrameError?) {
    var frames: [(code: UInt8, fields: [UInt8])] = []
    var partial: [UInt8] = []
    var at = 0
    while at < bytes.count {
        let end = min(at + max(1, pieces(at)), bytes.count)
        partial += bytes[at..<end]
        at = end
        let before = frames.count
        do throws(FrameError) {
            let (canAdvance, consumed) = try scanAll(partial, &frames)
            #expect(canAdvance == (frames.count > before), "canAdvance says what next does")
            partial.removeFirst(consumed)
        } catch {
            partial.withUnsafeBytes { #expect(frames.count > before || FrameScanner.canAdvance($0)) }
            return (frames, error)
        }
    }
    return (frames, nil)
}

private func scanAll(
    _ bytes: [UInt8], _ frames: inout [(code: UInt8, fields: [UInt8])]
) throws(FrameError) -> (canAdvance: Bool, consumed: Int) {
    // No `withUnsafeBytes`: its closure would lose the typed error.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    let raw = UnsafeRawBufferPointer(copy)
    var scanner = FrameScanner(raw)
    while let (header, found) = try scanner.next() {
        var fields = found
        frames.append((header.code, Array(fields.rest())))
    }
    return (FrameScanner.canAdvance(raw), scanner.consumed)
}

@Suite("Frames in a run of bytes")
struct ScannerTests {
    @Test("a frame's bytes are where the documentation says")
    func layout() {
        #expect(
            frame(7, fields: [0xee]) == [
                17, 0, 0, 0, 1, 7, 0x2c, 0x01, 8, 7, 6, 5, 4, 3, 2, 1, 0xd0, 0xc0, 0xb0, 0xa0, 0xee,
            ])
    }

    @Test("frames are found however the bytes are split")
    func splitInput() {
        let wanted = (0..<40).map { number in
            (code: UInt8(number), fields: [UInt8](repeating: UInt8(number), count: number * number % 97))
        }
        let bytes = wanted.flatMap { frame($0.code, fields: $0.fields) }
        for size in [1, 2, 3, 4, 5, 7, 19, 20, 21, 64, bytes.count] {
            let (frames, error) = scan(bytes) { _ in size }
            #expect(error == nil)
            #expect(frames.elementsEqual(wanted) { $0 == $1 }, "pieces of \(size)")
        }
    }

    @Test("a length over the limit is refused as soon as it is there, before its frame")
    func tooLong() {
        let (frames, error) = scan(frame(1, fields: []) + [0xff, 0xff, 0xff, 0xff]) { _ in 1 }
        #expect(frames.count == 1)
        #expect(error == .tooLong(bytes: 0xffff_ffff + 4))
        #expect(scan([0xfd, 0xff, 0x3f, 0]) { _ in 4 }.error == .tooLong(bytes: (4 << 20) + 1))
        #expect(scan([0xfc, 0xff, 0x3f, 0]) { _ in 4 }.error == nil)
    }

    @Test("a length shorter than a header is refused", arguments: 0..<16 as Range<UInt8>)
    func tooShort(length: UInt8) {
        #expect(scan([length, 0, 0, 0]) { _ in 4 }.error == .tooShort(bytes: Int(length) + 4))
    }

    @Test("another version is refused at its byte", arguments: [0, 2, 255] as [UInt8])
    func version(version: UInt8) {
        #expect(scan([16, 0, 0, 0, version]) { _ in 1 }.error == .unknownVersion(version))
    }

    @Test("a frame that grows too long is taken back, and what was there before stays")
    func takenBack() {
        let builder = ByteBuilder(capacity: 64)
        builder.append("before" as StaticString)
        let start = builder.beginFrame(FrameHeader(code: 1, shard: 0, requestID: 1, word: 0))
        let fields = [UInt8](repeating: 1, count: FrameHeader.frameBytesMax - FrameHeader.size)
        fields.withUnsafeBytes { builder.append($0) }
        builder.append(UInt8(1))
        #expect(!builder.endFrame(start))
        #expect(Array(builder.bytes) == Array("before".utf8))
        let again = builder.beginFrame(FrameHeader(code: 1, shard: 0, requestID: 1, word: 0))
        fields.withUnsafeBytes { builder.append($0) }
        #expect(builder.endFrame(again), "the longest frame is legal")
    }

    @Test("random bytes never trap")
    func randomBytes() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if bytes.count > 5, Bool.random(using: &random) { bytes.replaceSubrange(0..<5, with: [16, 0, 0, 0, 1]) }
            let (frames, _) = scan(bytes) { _ in Int.random(in: 1...20) }
            for found in frames {
                found.fields.withUnsafeBytes { raw in
                    var readers = [FieldReader](repeating: FieldReader(raw), count: 8)
                    _ = AffiliateQuestion(from: &readers[0])
                    _ = NetworkQuestion(from: &readers[1])
                    _ = RankingQuestion(from: &readers[2])
                    _ = JoinOrder(from: &readers[3])
                    _ = StatusOrder(from: &readers[4])
                    _ = MoveOrder(from: &readers[5])
                    _ = ShardStatistics(from: &readers[6])
                    _ = ShardSet(from: &readers[7])
                }
            }
        }
    }

    @Test("codes of operations, outcomes and problems are distinct and stay what they are")
    func codes() {
        #expect(Operation.allCases.map(\.rawValue) == Array(1...12))
        #expect(Outcome.allCases.map(\.rawValue) == Array(0...6))
        #expect(WorkerProblem.allCases.map(\.rawValue) == Array(1...15))
    }
}
