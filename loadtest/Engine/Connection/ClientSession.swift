import CNGHTTP2
import Core
import HTTP2
import LoadPlan
import LoadRecord

/// How requests ended while bytes were taken, in order.
struct EndedRequest {
    let index: Int
    /// Nil: there is an answer, and its status says how.
    let failure: Outcome?
}

/// The client side of one HTTP/2 connection over libnghttp2. No I/O: bytes in, bytes out.
final class ClientSession {
    @exclusivity(unchecked) private var session: OpaquePointer?
    private let head: RequestHead
    private let memory: SessionMemory
    fileprivate let requests: InFlightRequests
    /// The stream whose frames came last, and its request: spares a look-up for each frame.
    @exclusivity(unchecked) fileprivate var lastStream: Int32 = -1
    @exclusivity(unchecked) fileprivate var lastIndex = -1
    @exclusivity(unchecked) fileprivate var ended: [EndedRequest] = []
    /// Streams that are open, cancelled ones included until their reset is written.
    @exclusivity(unchecked) fileprivate(set) var liveStreams = 0
    /// How many the server allows; 0 before its SETTINGS.
    @exclusivity(unchecked) fileprivate(set) var streamsMax = 0
    /// The server has said GOAWAY, or the stream numbers are used up.
    @exclusivity(unchecked) fileprivate(set) var isGoingAway = false
    @exclusivity(unchecked) fileprivate(set) var heardGoAway = false

    /// What a server may send before it hears from us: so much that no answer waits for us.
    private static let windowBytes: UInt32 = (1 << 30) - 1
    /// A connection is replaced before its stream numbers run out.
    private static let streamEnd: Int32 = 1 << 30
    /// Of a kept answer's body.
    private static let answerBytesMax = 16 << 20

    init(_ head: RequestHead, _ requests: InFlightRequests, _ memory: SessionMemory) {
        self.head = head
        self.requests = requests
        self.memory = memory
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else {
            preconditionFailure("out of memory for an HTTP/2 session")
        }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onClose)
        nghttp2_option_set_no_closed_streams(option, 1)
        var functions = memory.functions
        guard
            nghttp2_session_client_new3(
                &session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option, &functions) == 0
        else { preconditionFailure("out of memory for an HTTP/2 session") }
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: Self.windowBytes),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
        ]
        nghttp2_submit_settings(session, 0, &settings, settings.count)
        nghttp2_session_set_local_window_size(session, 0, 0, Int32(Self.windowBytes))
    }

    deinit { nghttp2_session_del(session) }

    var hasFreeStream: Bool { liveStreams < streamsMax && !isGoingAway }
    var wantsWrite: Bool { nghttp2_session_want_write(session) != 0 }
    /// There is nothing more to read or to write: it has ended with an error of the server's.
    var isOver: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

    /// Opens a stream for a request and appends its frames. False: the session takes no more.
    func submit(_ index: Int, _ request: borrowing PlannedRequest, into output: ByteBuilder) -> Bool {
        let fields = head.fields(request)
        let userData = UnsafeMutableRawPointer(bitPattern: index + 1)
        let stream: Int32
        if request.body.count > 0 {
            // One that is there already is of another connection, which took no more.
            let upload = requests[index].pointee.upload >= 0 ? requests[index].pointee.upload : requests.takeBuffer()
            requests.buffer(upload).removeAll()
            requests.buffer(upload).append(request.body.bytes)
            requests[index].pointee.upload = upload
            requests[index].pointee.uploadAt = 0
            var provider = nghttp2_data_provider(source: nghttp2_data_source(ptr: nil), read_callback: readUpload)
            stream = nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, &provider, userData)
        } else {
            stream = nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, nil, userData)
        }
        guard stream > 0 else {
            isGoingAway = true
            return false
        }
        if stream >= Self.streamEnd { isGoingAway = true }
        liveStreams += 1
        requests[index].pointee.stream = stream
        drain(into: output)
        return true
    }

    /// Gives a stream up (RST_STREAM, CANCEL). Its request is nobody's any more.
    func cancel(_ stream: Int32) {
        if stream == lastStream { lastStream = -1 }
        nghttp2_session_set_stream_user_data(session, stream, nil)
        nghttp2_submit_rst_stream(session, 0, stream, UInt32(NGHTTP2_CANCEL.rawValue))
    }

    /// Hands over the requests that ended since the last time.
    func handOver(_ end: (EndedRequest) -> Void) {
        guard !ended.isEmpty else { return }
        for request in ended { end(request) }
        ended.removeAll(keepingCapacity: true)
    }

    /// Takes received bytes. False: the connection is beyond use.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let taken = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        return taken == bytes.count && nghttp2_session_want_read(session) != 0
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

    /// The request of a stream; nil when it was given up.
    @inline(__always)
    fileprivate func index(_ stream: Int32) -> Int? {
        if stream == lastStream { return lastIndex }
        guard let data = nghttp2_session_get_stream_user_data(session, stream) else { return nil }
        lastStream = stream
        lastIndex = Int(bitPattern: data) - 1
        return lastIndex
    }

    fileprivate func keep(_ bytes: UnsafeRawBufferPointer, of index: Int) {
        requests[index].pointee.bytes &+= UInt32(bytes.count)
        let answer = requests[index].pointee.answer
        guard answer >= 0, requests.buffer(answer).count + bytes.count <= Self.answerBytesMax else { return }
        requests.buffer(answer).append(bytes)
    }

    fileprivate func heardSettings() {
        streamsMax = Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    fileprivate func upload(_ stream: Int32, _ room: UnsafeMutableRawBufferPointer, _ flags: UnsafeMutablePointer<UInt32>) -> Int
    {
        guard let index = index(stream), requests[index].pointee.upload >= 0 else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let body = requests.buffer(requests[index].pointee.upload)
        let at = Int(requests[index].pointee.uploadAt)
        let count = min(room.count, body.count - at)
        room.baseAddress.unsafelyUnwrapped.copyMemory(from: body.base + at, byteCount: count)
        requests[index].pointee.uploadAt += Int32(count)
        if at + count == body.count { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return count
    }
}

// MARK: The C side. `data` is the session, unretained: nghttp2 calls only while the object is alive.

@inline(__always)
private func clientSession(_ data: UnsafeMutableRawPointer?) -> ClientSession {
    Unmanaged<ClientSession>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
}

private func onHeader(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameLength: Int,
    _ value: UnsafePointer<UInt8>?, _ valueLength: Int, _ flags: UInt8, _ data: UnsafeMutableRawPointer?
) -> Int32 {
    // `:status` is the only pseudo-field of an answer.
    guard nameLength == 7, valueLength == 3, let frame, let name, name[0] == UInt8(ascii: ":"), let value else { return 0 }
    let client = clientSession(data)
    guard let index = client.index(frame.pointee.hd.stream_id) else { return 0 }
    let status = (Int(value[0]) - 48) * 100 + (Int(value[1]) - 48) * 10 + Int(value[2]) - 48
    client.requests[index].pointee.status = (0..<OperationTally.statusEnd).contains(status) ? UInt16(status) : 0
    return 0
}

private func onData(
    _ session: OpaquePointer?, _ flags: UInt8, _ stream: Int32, _ bytes: UnsafePointer<UInt8>?, _ length: Int,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    let client = clientSession(data)
    if let index = client.index(stream) { client.keep(UnsafeRawBufferPointer(start: bytes, count: length), of: index) }
    return 0
}

private func onFrame(_ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ data: UnsafeMutableRawPointer?) -> Int32
{
    guard let frame else { return 0 }
    let header = frame.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
        guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return 0 }
        let client = clientSession(data)
        if let index = client.index(header.stream_id) { client.requests[index].pointee.isEnded = true }
    case NGHTTP2_SETTINGS.rawValue: clientSession(data).heardSettings()
    case NGHTTP2_GOAWAY.rawValue:
        clientSession(data).isGoingAway = true
        clientSession(data).heardGoAway = true
    default: break
    }
    return 0
}

private func onClose(_ session: OpaquePointer?, _ stream: Int32, _ code: UInt32, _ data: UnsafeMutableRawPointer?) -> Int32 {
    let client = clientSession(data)
    client.liveStreams -= 1
    guard let index = client.index(stream) else { return 0 }
    client.lastStream = -1
    let failure: Outcome? =
        client.requests[index].pointee.isEnded
        ? nil : code == NGHTTP2_REFUSED_STREAM.rawValue ? .refusedStream : .reset
    client.ended.append(EndedRequest(index: index, failure: failure))
    return 0
}

private func readUpload(
    _ session: OpaquePointer?, _ stream: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ room: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ data: UnsafeMutableRawPointer?
) -> Int {
    guard let buffer, let flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
    return clientSession(data).upload(stream, UnsafeMutableRawBufferPointer(start: buffer, count: room), flags)
}
