import CNGHTTP2
import Core

// The C side of `HTTP2Session`. `userData` is the session, unretained: nghttp2 calls only while the session object is alive.

private func sessionObject(_ userData: UnsafeMutableRawPointer?) -> HTTP2Session {
    Unmanaged<HTTP2Session>.fromOpaque(userData.unsafelyUnwrapped).takeUnretainedValue()
}

func onBeginHeaders(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    let object = sessionObject(userData)
    guard object.isOpen else { return 0 }
    let stream = frame.pointee.hd.stream_id
    object.headerStream = stream
    guard let slot = object.openSlot(stream: stream, now: object.now) else {
        object.headerSlot = -1
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, UInt32(NGHTTP2_REFUSED_STREAM.rawValue))
        return 0
    }
    object.headerSlot = slot
    nghttp2_session_set_stream_user_data(session, stream, slotPointer(slot))
    return 0
}

func onHeader(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameLength: Int,
    _ value: UnsafePointer<UInt8>?, _ valueLength: Int, _ flags: UInt8, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let object = sessionObject(userData)
    guard let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST, object.headerSlot >= 0,
        frame.pointee.hd.stream_id == object.headerStream
    else { return 0 }
    let slab = object.slab
    let slot = object.headerSlot
    slab.countHeader(bytes: nameLength + valueLength, of: slot)
    let name = UnsafeRawBufferPointer(start: name, count: nameLength)
    let value = UnsafeRawBufferPointer(start: value, count: valueLength)
    switch nameLength {
    case 5 where name.equals(":path"): slab.setTarget(value, of: slot)
    case 7 where name.equals(":method"): slab[slot].method = RequestMethod(value)
    case 12 where name.equals("x-request-id"): slab.setRequestID(value, of: slot)
    case 12 where name.equals("content-type"): slab.setContentType(value, of: slot)
    case 14 where name.equals("content-length") && valueLength > 7: slab.refuse(slot, 413)
    default: break
    }
    return 0
}

func onDataChunk(
    _ session: OpaquePointer?, _ flags: UInt8, _ stream: Int32, _ data: UnsafePointer<UInt8>?, _ length: Int,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let slot = slotIndex(nghttp2_session_get_stream_user_data(session, stream)) else { return 0 }
    let object = sessionObject(userData)
    guard object.slab[slot].state == .receiving else { return 0 }
    object.slab.appendBody(UnsafeRawBufferPointer(start: data, count: length), of: slot)
    if object.slab[slot].refusal != 0 { deliver(object, slot) }
    return 0
}

func onFrame(_ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ userData: UnsafeMutableRawPointer?) -> Int32 {
    guard let frame else { return 0 }
    let header = frame.pointee.hd
    let isHeaders = header.type == UInt8(NGHTTP2_HEADERS.rawValue)
    guard isHeaders || header.type == UInt8(NGHTTP2_DATA.rawValue) else { return 0 }
    let object = sessionObject(userData)
    let slot: Int
    if isHeaders, header.stream_id == object.headerStream {
        slot = object.headerSlot
        guard slot >= 0 else { return 0 }
    } else {
        guard let known = slotIndex(nghttp2_session_get_stream_user_data(session, header.stream_id)) else { return 0 }
        slot = known
    }
    guard object.slab[slot].state == .receiving, object.slab[slot].stream == header.stream_id else { return 0 }
    let isWhole = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    if isWhole || object.slab[slot].refusal != 0 { deliver(object, slot) }
    return 0
}

private func deliver(_ object: HTTP2Session, _ slot: Int) {
    object.slab.markReceived(slot, now: object.now)
    object.receiver.receive(slot: slot)
}

func onStreamClose(_ session: OpaquePointer?, _ stream: Int32, _ errorCode: UInt32, _ userData: UnsafeMutableRawPointer?) -> Int32
{
    guard let slot = slotIndex(nghttp2_session_get_stream_user_data(session, stream)) else { return 0 }
    let object = sessionObject(userData)
    if object.headerStream == stream {
        object.headerStream = -1
        object.headerSlot = -1
    }
    object.closeSlot(slot)
    return 0
}

/// Gives nghttp2 the next piece of an answer's body.
func readAnswer(
    _ session: OpaquePointer?, _ stream: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ room: Int,
    _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
    _ userData: UnsafeMutableRawPointer?
) -> Int {
    guard let slot = slotIndex(source?.pointee.ptr), let buffer else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
    let slab = sessionObject(userData).slab
    let answer = slab[slot].answer
    let sent = slab[slot].answerSent
    let taken = min(room, answer.count - sent)
    if taken > 0, let base = answer.base {
        UnsafeMutableRawPointer(buffer).copyMemory(from: base + sent, byteCount: taken)
    }
    slab[slot].answerSent = sent + taken
    if sent + taken == answer.count {
        flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        sessionObject(userData).cutShort(stream, slot: slot)
    }
    return taken
}
