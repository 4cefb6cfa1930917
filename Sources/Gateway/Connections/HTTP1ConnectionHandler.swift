import Core
import HTTP2
import NIOCore
import NIOHTTP1

/// HTTP/1.1 for those who have no more: fills the same slots as the HTTP/2 session, one request at a time.
final class HTTP1ConnectionHandler: ChannelInboundHandler, ClientConnection {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let loop: GatewayLoop
    private var transport: HTTP1Transport?
    private var context: ChannelHandlerContext?
    private var slot: Int?
    private var isKeepAlive = true
    /// Whether any request line and its headers have arrived whole.
    private var hasHead = false
    /// Whether the last byte of the request has come.
    private var isRequestWhole = true
    private var isShuttingDown = false
    private var lastActivity: MonotonicNanoseconds
    private var unwritableSince: MonotonicNanoseconds?
    /// The answer is written but for its end, which lets the next request in.
    private var isEndWaiting = false
    /// Set while a part of a request is being handled.
    private var isReading = false
    /// Since when the rest of a refused request is thrown away.
    private var lingeringSince: MonotonicNanoseconds?
    /// Answers that the kernel has not taken yet, and since when the first of them waits.
    private var unsentCount = 0
    private var unsentSince: MonotonicNanoseconds = 0

    init(loop: GatewayLoop) {
        self.loop = loop
        lastActivity = monotonicNow()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        transport = HTTP1Transport(slab: loop.slab, handler: self)
        loop.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        transport?.closeAllSlots()
        transport = nil
        loop.closed(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard lingeringSince == nil else {
            if case .end = unwrapInboundIn(data) { context.close(promise: nil) }
            return
        }
        lastActivity = monotonicNow()
        isReading = true
        defer { isReading = false }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let part):
            guard let slot, loop.slab[slot].state == .receiving else { return }
            part.withUnsafeReadableBytes { loop.slab.appendBody($0, of: slot) }
            if loop.slab[slot].refusal != 0 { deliver(slot) }
        case .end:
            isRequestWhole = true
            guard let slot, loop.slab[slot].state == .receiving else { return }
            deliver(slot)
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        hasHead = true
        isKeepAlive = head.isKeepAlive
        isRequestWhole = false
        let slab = loop.slab
        guard let opened = transport?.openSlot(stream: 0, now: lastActivity) else {
            refuseAll()
            return
        }
        slot = opened
        withBytes(head.method.rawValue) { slab[opened].method = RequestMethod($0) }
        withBytes(head.uri) { slab.setTarget($0, of: opened) }
        for (name, value) in head.headers {
            slab.countHeader(bytes: name.utf8.count + value.utf8.count, of: opened)
            guard name.utf8.count == 12 else { continue }
            switch name.lowercased() {
            case "x-request-id": withBytes(value) { slab.setRequestID($0, of: opened) }
            case "content-type": withBytes(value) { slab.setContentType($0, of: opened) }
            default: continue
            }
        }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > RequestSlab.bodyBytesMax {
            slab.refuse(opened, 413)
        }
        if slab[opened].refusal != 0 { deliver(opened) }
    }

    private func withBytes(_ text: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        var copy = text
        copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    private func deliver(_ slot: Int) {
        // The rest of a refused request is not waited for: the connection cannot be used again.
        if loop.slab[slot].refusal != 0 { isKeepAlive = false }
        loop.slab.markReceived(slot, now: lastActivity)
        loop.receive(slot: slot)
    }

    /// The slab is full: an answer without a slot, and the connection closed.
    private func refuseAll() {
        let headers: HTTPHeaders = ["retry-after": "1", "content-length": "0", "connection": "close"]
        context?.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: .serviceUnavailable, headers: headers))), promise: nil)
        finish(keepAlive: false)
    }

    fileprivate func send(_ index: Int) {
        guard let context else { return }
        let slab = loop.slab
        let answer = slab[index]
        var headers = HTTPHeaders()
        headers.reserveCapacity(5)
        headers.add(name: "content-type", value: "\(answer.bodyType.contentType)")
        headers.add(name: "content-length", value: String(answer.answer.count))
        headers.add(name: "x-request-id", value: String(decoding: slab.requestID(of: index), as: UTF8.self))
        let extra = String(decoding: slab.extraValue(of: index), as: UTF8.self)
        switch answer.extraHeader {
        case .none: break
        case .allow: headers.add(name: "allow", value: extra)
        case .retryAfter: headers.add(name: "retry-after", value: extra)
        case .location: headers.add(name: "location", value: extra)
        }
        let keepAlive = isKeepAlive && !isShuttingDown
        if !keepAlive { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: Int(answer.status)), headers: headers)
        slot = nil
        let sent = whenSent(index)
        if answer.method != .head, answer.answer.count > 0 {
            let body = context.channel.allocator.buffer(bytes: answer.answer.bytes)
            slab.handOverAnswer(index)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: sent)
        } else {
            context.write(wrapOutboundOut(.head(head)), promise: sent)
        }
        finish(keepAlive: keepAlive)
    }

    /// Fulfilled when the kernel has taken the answer, or will not any more. Only then the slot is free: until then its bytes count.
    private func whenSent(_ index: Int) -> EventLoopPromise<Void>? {
        guard let context else { return nil }
        let token = loop.slab.token(of: index)
        if unsentCount == 0 { unsentSince = monotonicNow() }
        unsentCount += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.unsentCount -= 1
            self.unsentSince = monotonicNow()
            // With the connection all its slots are closed, and then this one may be another request's.
            guard self.loop.slab.token(of: index) == token else { return }
            self.transport?.closeSlot(index)
        }
        return promise
    }

    private func finish(keepAlive: Bool) {
        guard let context else { return }
        guard keepAlive else {
            let channel = context.channel
            if isRequestWhole {
                context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
            } else {
                // A close now would make the kernel reset the connection under the answer, as the client is still sending.
                lingeringSince = monotonicNow()
                context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(mode: .output, promise: nil) }
            }
            return
        }
        isEndWaiting = true
        context.flush()
        if isReading {
            // The end lets the next request in, which may be answered at once as well: never one on top of the other's stack.
            context.eventLoop.assumeIsolated().execute { self.writeEnd() }
        } else {
            writeEnd()
        }
    }

    /// Lets the next request in, unless the client has not read the answers so far.
    private func writeEnd() {
        guard let context, isEndWaiting, context.channel.isWritable else { return }
        isEndWaiting = false
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        unwritableSince = context.channel.isWritable ? nil : monotonicNow()
        if context.channel.isWritable { writeEnd() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        transport?.closeAllSlots()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func sweep(now: MonotonicNanoseconds) {
        guard let context else { return }
        if let since = unwritableSince, now > since + ClientPatience.slowReader {
            context.close(promise: nil)
        } else if unsentCount > 0, now > unsentSince + loop.readPatience {
            context.close(promise: nil)
        } else if let since = lingeringSince {
            if now > since + ClientPatience.farewell { context.close(promise: nil) }
        } else if slot == nil, now > lastActivity + (hasHead ? ClientPatience.idle : ClientPatience.request) {
            context.close(promise: nil)
        } else if let slot, loop.slab[slot].state == .receiving, now > loop.slab[slot].startedAt + loop.requestPatience {
            lastActivity = now
            loop.slab.refuse(slot, 408)
            deliver(slot)
        }
    }

    /// There is no way to tell an idle client but with the next answer, so it has a moment for another request.
    func shutDown() {
        if isShuttingDown, slot == nil, !isEndWaiting, unsentCount == 0 { context?.close(promise: nil) }
        isShuttingDown = true
    }
}

/// The transport of an HTTP/1.1 connection: its answers are written as they come.
private final class HTTP1Transport: RequestTransport {
    private unowned(unsafe) let handler: HTTP1ConnectionHandler

    init(slab: RequestSlab, handler: HTTP1ConnectionHandler) {
        self.handler = handler
        super.init(slab: slab)
    }

    override func send(slot: Int) { handler.send(slot) }
}
