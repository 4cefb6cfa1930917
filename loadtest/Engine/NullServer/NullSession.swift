import CNGHTTP2
import Core
import HTTP2

/// The server side of one HTTP/2 connection of a `NullServer`: bytes in, bytes out.
final class NullSession {
    private var session: OpaquePointer?
    private let memory: SessionMemory
    private let rules: NullRules
    let connection: Int
    fileprivate var path = ""
    /// The connection is to be closed, without another word.
    fileprivate(set) var isClosing = false
    /// Above this stream nothing is answered: GOAWAY has been said.
    private var lastStream = Int32.max

    init(_ rules: NullRules, _ memory: SessionMemory, connection: Int) {
        self.rules = rules
        self.memory = memory
        self.connection = connection
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else {
            preconditionFailure("out of memory for an HTTP/2 session")
        }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        if rules.isScripted {
            nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, _, name, nameLength, value, valueLength, _, data in
                guard nameLength == 5, let name, name[1] == UInt8(ascii: "p") else { return 0 }
                nullSession(data).path = String(
                    decoding: UnsafeBufferPointer(start: value, count: valueLength), as: UTF8.self)
                return 0
            }
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            guard let header = frame?.pointee.hd, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
                header.type == UInt8(NGHTTP2_HEADERS.rawValue) || header.type == UInt8(NGHTTP2_DATA.rawValue)
            else { return 0 }
            nullSession(data).receive(header.stream_id)
            return 0
        }
        nghttp2_option_set_no_closed_streams(option, 1)
        var functions = memory.functions
        guard
            nghttp2_session_server_new3(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option, &functions) == 0
        else { preconditionFailure("out of memory for an HTTP/2 session") }
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(rules.streamsMax)),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        nghttp2_submit_settings(session, 0, &settings, settings.count)
        nghttp2_session_set_local_window_size(session, 0, 0, Int32.max)
    }

    deinit { nghttp2_session_del(session) }

    /// False: the connection is beyond use.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) == bytes.count && !isClosing
    }

    func drain(into output: ByteBuilder) {
        while !isClosing {
            var chunk: UnsafePointer<UInt8>?
            let length = nghttp2_session_mem_send(session, &chunk)
            guard length > 0 else { return }
            output.append(UnsafeRawBufferPointer(start: chunk, count: length))
        }
    }

    fileprivate func receive(_ stream: Int32) {
        guard stream <= lastStream else { return }
        switch rules.answer(connection: connection, path: path) {
        case .status(let status): respond(stream, status)
        case .silence: break
        case .reset(let code): nghttp2_submit_rst_stream(session, 0, stream, code)
        case .goAway:
            lastStream = stream - 2
            nghttp2_submit_goaway(session, 0, max(0, lastStream), UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
        case .close: isClosing = true
        case .stall(let milliseconds):
            rules.stall(milliseconds: milliseconds)
            respond(stream, 200)
        }
    }

    private func respond(_ stream: Int32, _ status: Int) {
        let fields = rules.fields(status)
        guard rules.body.count > 0 else {
            nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, nil)
            return
        }
        // The source's `fd` is how much of the body has been given.
        var provider = nghttp2_data_provider(source: nghttp2_data_source(fd: 0)) { _, _, buffer, room, flags, source, data in
            guard let buffer, let flags, let source else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            let body = nullSession(data).rules.body
            let at = Int(source.pointee.fd)
            let count = min(room, body.count - at)
            UnsafeMutableRawPointer(buffer).copyMemory(from: body.baseAddress.unsafelyUnwrapped + at, byteCount: count)
            source.pointee.fd = Int32(at + count)
            if at + count == body.count { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
            return count
        }
        nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, &provider)
    }
}

@inline(__always)
private func nullSession(_ data: UnsafeMutableRawPointer?) -> NullSession {
    Unmanaged<NullSession>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
}
