import Core

@testable import HTTP2

/// Keeps what it is given; the test answers when it likes.
final class HoldingReceiver: RequestReceiver {
    var tokens: [UInt64] = []
    private let slab: RequestSlab
    /// Called for each request as it comes, from within `feed`.
    var onReceive: ((Int) -> Void)?

    init(slab: RequestSlab) { self.slab = slab }

    override func receive(slot: Int) {
        tokens.append(slab.token(of: slot))
        onReceive?(slot)
    }
}

/// A client session and a server session with nothing between them but the test.
final class Connection {
    let slab: RequestSlab
    let receiver: HoldingReceiver
    let server: HTTP2Session
    let client: ClientSession
    /// The time that the server is told.
    var now: MonotonicNanoseconds = 1_000_000_000
    /// Bytes the server may write at a time.
    var drainBytes = 64 << 10

    init(slots: Int = 64, initialWindow: UInt32 = 1 << 20) {
        slab = RequestSlab(capacity: slots)
        receiver = HoldingReceiver(slab: slab)
        client = ClientSession(initialWindow: initialWindow)
        server = HTTP2Session(slab: slab, receiver: receiver) {}
    }

    /// Feeds bytes to the server; false when it wants the connection closed.
    @discardableResult func feed(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { server.feed($0, now: now) } }

    /// All that the server has to say now.
    func drain() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: drainBytes)
        while true {
            let length = buffer.withUnsafeMutableBytes { server.drain(into: $0) }
            all += buffer[..<length]
            if length < drainBytes { return all }
        }
    }

    /// Lets both sides talk until neither has more to say. Returns whether both are content.
    @discardableResult func exchange() -> Bool {
        var isContent = true
        for _ in 0..<10_000 {
            let up = client.output()
            if !up.isEmpty, !feed(up) { isContent = false }
            let down = drain()
            if !down.isEmpty, !client.take(down) { isContent = false }
            if up.isEmpty && down.isEmpty { return isContent }
        }
        return false
    }

    /// Answers the request a token names, if it still waits. As the gateway does it.
    @discardableResult func answer(_ token: UInt64, status: UInt16 = 200, _ body: String = "{}", allow: String? = nil) -> Bool {
        guard let index = slab.slot(for: token) else { return false }
        var text = body
        var value = allow ?? ""
        text.withUTF8 { body in
            value.withUTF8 { value in
                slab.setAnswer(
                    index, status: status, type: .json, body: UnsafeRawBufferPointer(body), extra: allow == nil ? .none : .allow,
                    extraValue: UnsafeRawBufferPointer(value))
            }
        }
        guard let transport = slab[index].transport?.takeUnretainedValue() else {
            slab.release(index)
            return true
        }
        transport.send(slot: index)
        return true
    }

    func target(_ token: UInt64) -> String {
        slab.slot(for: token).map { String(decoding: slab.target(of: $0), as: UTF8.self) } ?? "gone"
    }
}

/// Frames written by hand: what no library would send.
enum RawFrame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let emptySettings = frame(type: 4, flags: 0, stream: 0, [])
    /// `:method GET`, `:scheme http`, `:path /` out of the static table, and `:authority x`, without which nghttp2 resets the stream.
    static let getRoot: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x78]

    static func frame(type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        return [
            UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags, UInt8(stream >> 24 & 127),
            UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255),
        ] + payload
    }
}
