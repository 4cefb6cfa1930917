import Core
import Glibc

@testable import LoadEngine

/// A server of bytes: what it says is the test's, whether that is HTTP/2 or not. Each connection has a thread of its own.
final class RawServer: Sendable {
    private struct State {
        var isStopped = false
        var threads = 0
        var descriptors: [Int32] = []
        var accepted = 0
    }

    let port: Int
    private let listener: Int32
    private let state = Monitor(State())

    /// - Parameter serve: of a connection and its number, from 0. What it throws ends the connection, as its return does.
    init(_ serve: @escaping @Sendable (RawPeer, Int) throws -> Void) throws {
        (listener, port) = try listeningSocket(host: "127.0.0.1", port: 0)
        state.withLock { $0.threads = 1 }
        let started = DetachedThread.start { [listener, state] in
            while !state.withLock({ $0.isStopped }) {
                var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, 10) > 0 else { continue }
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { continue }
                let number = state.withLock { state in
                    state.descriptors.append(descriptor)
                    state.accepted += 1
                    state.threads += 1
                    return state.accepted - 1
                }
                let hasThread = DetachedThread.start {
                    try? serve(RawPeer(descriptor), number)
                    state.withLock { state in
                        state.descriptors.removeAll { $0 == descriptor }
                        close(descriptor)
                        state.threads -= 1
                    }
                }
                if !hasThread { state.withLock { $0.threads -= 1 } }
            }
            state.withLock { $0.threads -= 1 }
        }
        if !started { throw LoadSetUpError(.resources, "no thread") }
    }

    var target: LoadTarget { LoadTarget(host: "127.0.0.1", port: port) }
    var accepted: Int { state.withLock { $0.accepted } }

    /// Hangs up on everyone, and returns when all threads have ended.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        _ = state.wait(until: .never) { $0.threads == 0 ? true : nil }
        close(listener)
    }
}

/// The server's end of a connection, with HTTP/2's frames.
final class RawPeer {
    struct Frame {
        var type: UInt8
        var flags: UInt8
        var stream: Int32
        var payload: [UInt8]
    }
    struct Gone: Error {}

    static let (data, headers, reset, settings, goAway, continuation) = (
        UInt8(0), UInt8(1), UInt8(3), UInt8(4), UInt8(7), UInt8(9)
    )
    static let (endStream, acknowledgement, endHeaders) = (UInt8(1), UInt8(1), UInt8(4))
    /// `:status: 200` from HPACK's static table.
    static let ok: [UInt8] = [0x88]

    private let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        setNoDelay(descriptor)
    }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Gone() }
            sent += count
        }
    }

    func send(_ type: UInt8, _ flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = [], length: Int? = nil) throws {
        let length = length ?? payload.count
        try send(
            [UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff), type, flags]
                + (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) } + payload)
    }

    func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let more = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress.unsafelyUnwrapped + got, count - got, 0) }
            guard more > 0 else { throw Gone() }
            got += more
        }
        return bytes
    }

    func receive() throws -> Frame {
        let head = try receive(9)
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        let stream = head[5...].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        return Frame(type: head[3], flags: head[4], stream: stream, payload: try receive(length))
    }

    /// The next request's stream; other frames are passed over.
    func request() throws -> Int32 {
        while true {
            let frame = try receive()
            if frame.type == Self.headers { return frame.stream }
        }
    }

    /// Whether something has come that is not read yet.
    func hasMore(within milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, milliseconds) > 0
    }

    /// Reads the preface and the SETTINGS behind it, acknowledges these, and says its own.
    func greet(streamsMax: Int = 1000) throws {
        _ = try receive(24)
        _ = try receive()
        try limit(streams: streamsMax)
        try send(Self.settings, Self.acknowledgement)
    }

    /// SETTINGS with MAX_CONCURRENT_STREAMS.
    func limit(streams: Int) throws {
        try send(Self.settings, [0, 3] + (0..<4).map { UInt8(truncatingIfNeeded: streams >> (24 - 8 * $0)) })
    }

    func send(_ type: UInt8, _ payload: [UInt8]) throws { try send(type, 0, stream: 0, payload) }

    func answer(_ stream: Int32) throws { try send(Self.headers, Self.endStream | Self.endHeaders, stream: stream, Self.ok) }

    /// Answers everything until nobody is there any more.
    func answerAll() throws {
        while true { try answer(try request()) }
    }
}
