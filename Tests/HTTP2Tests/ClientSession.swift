import CNGHTTP2
import Core

@testable import HTTP2

/// The client side of an HTTP/2 connection over libnghttp2, in memory: what a well-behaved caller does, and some of what others do.
final class ClientSession {
    /// What has come back on one stream.
    struct Answer: Equatable {
        var status = 0
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var isClosed = false
        /// The error code with which the stream was closed.
        var errorCode: UInt32 = 0
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private var session: OpaquePointer?
    fileprivate(set) var answers: [Int32: Answer] = [:]
    fileprivate(set) var goAwayCode: UInt32?
    /// Request bodies that are still to be sent, by stream; a body of nil has no end.
    fileprivate var bodies: [Int32: (bytes: [UInt8], at: Int, isEndless: Bool, trailers: [(String, String)])] = [:]

    /// - Parameter initialWindow: flow-control window that each stream's answer gets at the beginning.
    init(initialWindow: UInt32 = 1 << 20) {
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_option_new(&option)
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, frame, name, nameLength, value, valueLength, _, data in
            guard let frame, let name, let value else { return 0 }
            let client = clientSession(data)
            let key = String(decoding: UnsafeBufferPointer(start: name, count: nameLength), as: UTF8.self)
            let text = String(decoding: UnsafeBufferPointer(start: value, count: valueLength), as: UTF8.self)
            let stream = frame.pointee.hd.stream_id
            if key == ":status" { client.answers[stream, default: Answer()].status = Int(text) ?? -1 }
            client.answers[stream, default: Answer()].headers[key] = text
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, length, data in
            clientSession(data).answers[stream, default: Answer()].body += UnsafeBufferPointer(start: bytes, count: length)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, data in
            let client = clientSession(data)
            client.answers[stream, default: Answer()].isClosed = true
            client.answers[stream, default: Answer()].errorCode = code
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            if let frame, frame.pointee.hd.type == UInt8(NGHTTP2_GOAWAY.rawValue) {
                clientSession(data).goAwayCode = frame.pointee.goaway.error_code
            }
            return 0
        }
        // The tests decide themselves when a window opens.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_session_client_new2(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option)
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: initialWindow)
        ]
        nghttp2_submit_settings(session, 0, &settings, settings.count)
        nghttp2_session_set_local_window_size(session, 0, 0, 1 << 24)
    }

    deinit { nghttp2_session_del(session) }

    /// Opens a stream; with a body, `trailers` after it, or a body that never ends.
    @discardableResult func request(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil, isEndless: Bool = false,
        trailers: [(String, String)] = []
    ) -> Int32 {
        let all = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", target)] + headers
        return withFields(all) { fields, count in
            guard let body else { return nghttp2_submit_request(session, nil, fields, count, nil, nil) }
            var provider = nghttp2_data_provider(source: nghttp2_data_source(ptr: nil)) {
                session, stream, buffer, room, flags, _, data in
                clientSession(data).giveBody(stream, buffer, room, flags, session)
            }
            let stream = nghttp2_submit_request(session, nil, fields, count, &provider, nil)
            bodies[stream] = (body, 0, isEndless, trailers)
            return stream
        }
    }

    private func giveBody(
        _ stream: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ room: Int, _ flags: UnsafeMutablePointer<UInt32>?,
        _ session: OpaquePointer?
    ) -> Int {
        guard let body = bodies[stream], let buffer else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        let taken = min(room, body.bytes.count - body.at)
        if taken == 0, body.isEndless { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        for at in 0..<taken { buffer[at] = body.bytes[body.at + at] }
        bodies[stream]?.at += taken
        if body.at + taken == body.bytes.count, !body.isEndless {
            flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            if !body.trailers.isEmpty {
                flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
                _ = withFields(body.trailers) { fields, count in nghttp2_submit_trailer(session, stream, fields, count) }
            }
        }
        return taken
    }

    func reset(_ stream: Int32) { nghttp2_submit_rst_stream(session, 0, stream, UInt32(NGHTTP2_CANCEL.rawValue)) }

    func openWindow(_ stream: Int32, by bytes: Int32) { nghttp2_submit_window_update(session, 0, stream, bytes) }

    /// All that the client has to say now.
    func output() -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            var chunk: UnsafePointer<UInt8>?
            let length = nghttp2_session_mem_send(session, &chunk)
            guard length > 0 else { return bytes }
            bytes += UnsafeBufferPointer(start: chunk, count: length)
        }
    }

    /// Returns false when the server's bytes are no HTTP/2.
    func take(_ bytes: [UInt8]) -> Bool { nghttp2_session_mem_recv(session, bytes, bytes.count) == bytes.count }

    /// Calls `body` with the fields as nghttp2 wants them; they are copied there.
    private func withFields(_ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) -> Int32 {
        var memory: [UnsafeMutablePointer<UInt8>] = []
        defer { for block in memory { block.deallocate() } }
        func copy(_ text: String) -> UnsafeMutablePointer<UInt8> {
            let block = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
            for (at, byte) in text.utf8.enumerated() { block[at] = byte }
            memory.append(block)
            return block
        }
        let list = fields.map { name, value in
            nghttp2_nv(
                name: copy(name), value: copy(value), namelen: name.utf8.count, valuelen: value.utf8.count, flags: 0)
        }
        return body(list, list.count)
    }
}

private func clientSession(_ data: UnsafeMutableRawPointer?) -> ClientSession {
    Unmanaged<ClientSession>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
}
