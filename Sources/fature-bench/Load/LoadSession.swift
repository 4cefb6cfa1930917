import CNGHTTP2
import Core

/// The client side of one HTTP/2 connection over libnghttp2. No I/O: bytes in, bytes out.
///
/// Answers are collected while bytes are taken and handed over after that, so that the receiver may send the next request at once.
final class LoadSession {
    private struct Stream {
        var ticket = 0
        var status = 0
        var isLive = false
        /// What is still to be sent of the request's body begins here.
        var uploadAt = 0
    }

    private var session: OpaquePointer?
    private var streams: [Stream] = []
    private var uploads: [ByteBuilder] = []
    private var answers: [ByteBuilder] = []
    private var free: [Int] = []
    private var closed: [Int] = []
    private let fields: RequestFields

    static let streamWindowBytes: UInt32 = 1 << 20
    static let connectionWindowBytes: Int32 = 1 << 24

    init(_ fields: RequestFields) {
        self.fields = fields
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { preconditionFailure("out of memory for an HTTP/2 session") }
        defer { nghttp2_session_callbacks_del(callbacks) }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, frame, name, nameLength, value, valueLength, _, data in
            guard let frame, let value, nameLength == 7, valueLength == 3, let name, name[0] == UInt8(ascii: ":") else {
                return 0
            }
            let status = (Int(value[0]) - 48) * 100 + (Int(value[1]) - 48) * 10 + Int(value[2]) - 48
            loadSession(data).setStatus(frame.pointee.hd.stream_id, status)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, length, data in
            loadSession(data).append(stream, UnsafeRawBufferPointer(start: bytes, count: length))
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, data in
            loadSession(data).close(stream, errorCode: code)
            return 0
        }
        guard nghttp2_session_client_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque()) == 0 else {
            preconditionFailure("out of memory for an HTTP/2 session")
        }
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: Self.streamWindowBytes),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
        ]
        nghttp2_submit_settings(session, 0, &settings, settings.count)
        nghttp2_session_set_local_window_size(session, 0, 0, Self.connectionWindowBytes)
    }

    deinit { nghttp2_session_del(session) }

    // MARK: Requests

    func get(_ path: String, ticket: Int) {
        let list = fields.get(path)
        nghttp2_submit_request(session, nil, list.baseAddress, list.count, nil, Self.userData(takeSlot(ticket)))
    }

    /// - Parameter body: writes the request's body.
    func post(_ path: String, ticket: Int, body: (ByteBuilder) -> Void) {
        let index = takeSlot(ticket)
        body(uploads[index])
        var provider = nghttp2_data_provider(source: nghttp2_data_source(ptr: nil)) { _, stream, buffer, room, flags, _, data in
            guard let buffer, let flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            return loadSession(data).give(stream, UnsafeMutableRawBufferPointer(start: buffer, count: room), flags)
        }
        let list = fields.post(path)
        nghttp2_submit_request(session, nil, list.baseAddress, list.count, &provider, Self.userData(index))
    }

    private func takeSlot(_ ticket: Int) -> Int {
        let index = free.popLast() ?? streams.count
        if index == streams.count {
            streams.append(Stream())
            uploads.append(ByteBuilder())
            answers.append(ByteBuilder())
        }
        streams[index] = Stream(ticket: ticket, isLive: true)
        answers[index].removeAll()
        uploads[index].removeAll()
        return index
    }

    /// A slot as nghttp2 keeps it beside the stream; zero would be no pointer.
    private static func userData(_ index: Int) -> UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: index + 1) }

    private func give(_ stream: Int32, _ room: UnsafeMutableRawBufferPointer, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
        guard let index = slot(stream) else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        let rest = UnsafeRawBufferPointer(rebasing: uploads[index].bytes[streams[index].uploadAt...].prefix(room.count))
        room.copyMemory(from: rest)
        streams[index].uploadAt += rest.count
        if streams[index].uploadAt == uploads[index].count { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return rest.count
    }

    // MARK: Answers

    private func slot(_ stream: Int32) -> Int? {
        nghttp2_session_get_stream_user_data(session, stream).map { Int(bitPattern: $0) - 1 }
    }

    private func setStatus(_ stream: Int32, _ status: Int) {
        if let index = slot(stream) { streams[index].status = status }
    }

    private func append(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        if let index = slot(stream) { answers[index].append(bytes) }
    }

    private func close(_ stream: Int32, errorCode: UInt32) {
        guard let index = slot(stream) else { return }
        if errorCode != 0 { streams[index].status = 0 }
        closed.append(index)
    }

    /// Takes received bytes, then hands over the answers they completed: ticket, status (0: none came) and body, valid during the call.
    /// Returns false when the connection is beyond use.
    func take(_ bytes: UnsafeRawBufferPointer, _ answered: (Int, Int, UnsafeRawBufferPointer) -> Void) -> Bool {
        let taken = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        for index in closed { settle(index, answered) }
        closed.removeAll(keepingCapacity: true)
        return taken == bytes.count && nghttp2_session_want_read(session) != 0
    }

    /// The connection is gone: whatever waits for an answer gets none.
    func abandon(_ answered: (Int, Int, UnsafeRawBufferPointer) -> Void) {
        for index in streams.indices where streams[index].isLive {
            streams[index].status = 0
            settle(index, answered)
        }
    }

    private func settle(_ index: Int, _ answered: (Int, Int, UnsafeRawBufferPointer) -> Void) {
        guard streams[index].isLive else { return }
        streams[index].isLive = false
        answered(streams[index].ticket, streams[index].status, answers[index].bytes)
        free.append(index)
    }

    /// Appends all that is to be sent now.
    func drain(into output: ByteBuilder) {
        while true {
            var chunk: UnsafePointer<UInt8>?
            let length = nghttp2_session_mem_send(session, &chunk)
            guard length > 0 else { return }
            output.append(UnsafeRawBufferPointer(start: chunk, count: length))
        }
    }
}

private func loadSession(_ data: UnsafeMutableRawPointer?) -> LoadSession {
    Unmanaged<LoadSession>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
}
