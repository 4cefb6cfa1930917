import Core
import HTTP2

/// Any bytes after the preface, in any pieces: whatever comes is answered, and no slot is left behind.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0, let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let slab = RequestSlab(capacity: 8)
    let receiver = Answering(slab: slab, answersAtOnce: bytes[0] & 0x80 == 0)
    let session = HTTP2Session(slab: slab, receiver: receiver) {}
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8).withUnsafeBytes { _ = session.feed($0, now: 1) }
    let piece = max(1, Int(bytes[0] & 0x7f))
    var at = 1
    withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { buffer in
        while at < size {
            let end = min(at + piece, size)
            guard session.feed(UnsafeRawBufferPointer(rebasing: bytes[at..<end]), now: UInt64(end)) else { break }
            at = end
            receiver.answerWaiting()
            while session.drain(into: UnsafeMutableRawBufferPointer(buffer)) == buffer.count {}
        }
    }
    session.refuseStale(before: .max, now: .max, receiver: receiver)
    session.resetUnread(before: .max)
    session.close()
    receiver.answerWaiting()
    precondition(slab.liveCount == 0 && slab.bodyBytesHeld == 0 && slab.answerBytesHeld == 0, "a slot is left behind")
    return 0
}

/// Answers within `receive` or later.
private final class Answering: RequestReceiver {
    private let slab: RequestSlab
    private let answersAtOnce: Bool
    private var waiting: [UInt64] = []

    init(slab: RequestSlab, answersAtOnce: Bool) {
        self.slab = slab
        self.answersAtOnce = answersAtOnce
    }

    override func receive(slot: Int) {
        if answersAtOnce { answer(slot) } else { waiting.append(slab.token(of: slot)) }
    }

    func answerWaiting() {
        for token in waiting { if let slot = slab.slot(for: token) { answer(slot) } }
        waiting.removeAll()
    }

    private func answer(_ slot: Int) {
        slab.setAnswer(slot, status: 200, type: .json, body: slab.target(of: slot))
        if let transport = slab[slot].transport?.takeUnretainedValue() { transport.send(slot: slot) } else { slab.release(slot) }
    }
}
