import CNGHTTP2
import Core

/// One HTTP/2 connection's server side over libnghttp2: bytes in (`feed`), bytes out (`drain`), answers by slot (`send`). No I/O.
///
/// Whole requests go to the receiver, from within `feed`. Everything happens on one event loop.
package final class HTTP2Session: RequestTransport {
    @exclusivity(unchecked) var session: OpaquePointer?
    // The receiver outlives every session: it is the event loop's.
    unowned(unsafe) let receiver: RequestReceiver
    let headers: HeaderBlock
    /// The stream whose headers are arriving, and its slot: spares a look-up for each header.
    @exclusivity(unchecked) var headerStream: Int32 = -1
    @exclusivity(unchecked) var headerSlot = -1
    /// Set while nghttp2 is on the call stack, where the session must not be freed.
    @exclusivity(unchecked) private var isBusy = false
    @exclusivity(unchecked) private var isClosed = false
    /// The rest of a frame that did not fit into the caller's buffer; belongs to nghttp2 until its next call.
    @exclusivity(unchecked) private var pending = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The clock as of the latest `feed`.
    @exclusivity(unchecked) package private(set) var now: MonotonicNanoseconds = 0
    private let onFlush: () -> Void
    private var farewell = Farewell.none

    /// How far the caller has been told to go.
    private enum Farewell { case none, noticed, told }

    /// Streams a caller may have open at a time.
    package static let concurrentStreamsMax: UInt32 = 256
    /// Bytes a caller may send on the whole connection before we say more.
    package static let connectionWindowBytes: Int32 = 4 << 20

    /// - Parameter onFlush: called by `flush`: the connection's handler drains and writes.
    package init(slab: RequestSlab, receiver: RequestReceiver, onFlush: @escaping () -> Void) {
        self.receiver = receiver
        self.onFlush = onFlush
        headers = HeaderBlock()
        super.init(slab: slab)
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&option) == 0 else {
            preconditionFailure("out of memory for an HTTP/2 session")
        }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onDataChunk)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
        // A closed stream kept for the priority tree costs memory and a walk, and nobody asks for the tree.
        nghttp2_option_set_no_closed_streams(option, 1)
        var memory = slab.sessionMemory.functions
        guard nghttp2_session_server_new3(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option, &memory) == 0
        else {
            preconditionFailure("out of memory for an HTTP/2 session")
        }
        var settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: Self.concurrentStreamsMax),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(RequestSlab.headerBytesMax)),
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.connectionWindowBytes)
    }

    deinit { if let session { nghttp2_session_del(session) } }

    /// Takes received bytes. Returns false when the connection is beyond use and must be closed after what `drain` still gives.
    package func feed(_ bytes: UnsafeRawBufferPointer, now: MonotonicNanoseconds) -> Bool {
        guard !isClosed, let session else { return false }
        self.now = now
        isBusy = true
        let taken = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        isBusy = false
        if isClosed { tearDown() }
        return taken == bytes.count
    }

    /// Writes waiting bytes into `buffer`; returns how many. Fewer than fit means there are no more for now.
    package func drain(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while !isClosed, let session {
            if pending.count == 0 {
                var chunk: UnsafePointer<UInt8>?
                isBusy = true
                let length = nghttp2_session_mem_send(session, &chunk)
                isBusy = false
                guard length > 0 else { break }
                pending = UnsafeRawBufferPointer(start: chunk, count: length)
            }
            let room = buffer.count - written
            let taken = min(room, pending.count)
            if taken == 0 { break }
            buffer.baseAddress.unsafelyUnwrapped.advanced(by: written)
                .copyMemory(from: pending.baseAddress.unsafelyUnwrapped, byteCount: taken)
            pending = UnsafeRawBufferPointer(rebasing: pending[taken...])
            written += taken
        }
        if isClosed, !isBusy { tearDown() }
        return written
    }

    /// Whether `close` has not been called.
    var isOpen: Bool { !isClosed }

    /// Whether the session has said and heard all it ever will.
    package var isFinished: Bool {
        guard !isClosed, let session else { return true }
        return pending.count == 0 && nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Tells the caller to open no more streams here; those that are open are answered.
    ///
    /// The first call gives notice (RFC 9113, 6.8: a GOAWAY that names no stream): what the caller sends before it has heard is still taken. The
    /// second one closes the door: the last stream that was taken is named, and the session ends with the answer to it.
    package func shutDown() {
        guard !isClosed, let session else { return }
        switch farewell {
        case .none:
            nghttp2_submit_shutdown_notice(session)
            farewell = .noticed
        case .noticed:
            nghttp2_submit_goaway(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
                UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
            farewell = .told
        case .told: break
        }
    }

    /// The connection is gone: every live slot is let go and the session freed, as soon as nghttp2 is off the stack.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        closeAllSlots()
        if !isBusy { tearDown() }
    }

    private func tearDown() {
        guard let session else { return }
        pending = UnsafeRawBufferPointer(start: nil, count: 0)
        self.session = nil
        nghttp2_session_del(session)
    }

    /// Nothing once the connection is gone: whoever keeps this session in a list of those to flush may outlive the connection's handler.
    package override func flush() {
        if !isClosed { onFlush() }
    }

    /// Resets streams whose requests were whole before `moment` and whose answers their caller has still not taken: a caller that gives no
    /// flow-control window would otherwise hold slots for ever.
    package func resetUnread(before moment: MonotonicNanoseconds) {
        guard !isClosed, let session else { return }
        var at = firstLive
        while at >= 0 {
            let index = Int(at)
            at = slab[index].next
            guard slab[index].state == .answered, slab[index].startedAt < moment else { continue }
            nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), slab[index].stream, UInt32(NGHTTP2_CANCEL.rawValue))
        }
    }

    /// The answer of a stream ends here. If the caller is still sending its request, it is told to stop (RFC 9113, section 8.1), so that
    /// the stream closes and gives its slot back. Called while the last data frame is being made: the reset goes out behind it. (Any earlier,
    /// and nghttp2 would take back the answer's headers.)
    func cutShort(_ stream: Int32, slot index: Int) {
        // Only a refused request is answered before its end.
        guard slab[index].refusal != 0, let session, nghttp2_session_get_stream_remote_close(session, stream) == 0 else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, UInt32(NGHTTP2_NO_ERROR.rawValue))
    }

    package override func send(slot index: Int) {
        guard !isClosed, let session else { return }
        let stream = slab[index].stream
        let count = headers.fill(from: slab, slot: index)
        let result: Int32
        if slab[index].method == .head { slab[index].answerSent = slab[index].answer.count }
        // A refused request needs a data frame in any case: behind it the stream can be reset, see `cutShort`.
        if slab[index].answerSent == slab[index].answer.count, slab[index].refusal == 0 {
            result = nghttp2_submit_response(session, stream, headers.fields, count, nil)
        } else {
            var provider = nghttp2_data_provider(source: nghttp2_data_source(ptr: slotPointer(index)), read_callback: readAnswer)
            result = nghttp2_submit_response(session, stream, headers.fields, count, &provider)
        }
        if result != 0 {
            // The stream must not name a slot that is somebody else's by then.
            nghttp2_session_set_stream_user_data(session, stream, nil)
            closeSlot(index)
        }
    }
}

/// nghttp2 keeps a `void *` for a stream: the slot's index plus one, so that no slot is NULL.
func slotPointer(_ index: Int) -> UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: index + 1) }
func slotIndex(_ pointer: UnsafeMutableRawPointer?) -> Int? { pointer.map { Int(bitPattern: $0) - 1 } }
