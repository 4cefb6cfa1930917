import ClusterTLS
import NIOCore
import NIOHTTP1

/// What a coordinator is asked.
struct RemoteRequest: Sendable {
    let method: String
    let target: String
    let host: String
    let authorization: String
    let operatorName: String
    /// JSON; nil: none.
    let body: [UInt8]?
}

/// What came back.
struct RemoteAnswer: Sendable {
    let status: Int
    let body: [UInt8]

    static let bodyBytesMax = 16 << 20
}

/// Why nothing came back.
struct RemoteFailure: Error {
    /// The connection ended before anything of an answer came. On one that was used before the coordinator may have done so before it saw the
    /// request.
    let isClosed: Bool
    let reason: String
    var refusal: PeerRefusal?
}

/// One connection to a coordinator: one request at a time. Belongs to its event loop.
final class RemoteExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private var context: ChannelHandlerContext?
    /// With TLS: whether the peer is known.
    private var isReady = false
    private var request: RemoteRequest?
    private var promise: EventLoopPromise<RemoteAnswer>?
    private var timer: Scheduled<Void>?
    private var refusal: PeerRefusal?
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []

    func ask(_ request: RemoteRequest, within limit: TimeAmount, _ promise: EventLoopPromise<RemoteAnswer>) {
        guard self.promise == nil, refusal == nil, let context else {
            return promise.fail(RemoteFailure(isClosed: true, reason: "the connection was closed", refusal: refusal))
        }
        self.request = request
        self.promise = promise
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            self.fail("it took longer than \(limit.nanoseconds / 1_000_000_000) s")
        }
        if isReady { send(context) }
    }

    /// The peer's certificate, or ours, does not do.
    func refused(_ refusal: PeerRefusal) { self.refusal = refusal }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { end("the connection was closed", isClosed: true) }

    func channelActive(context: ChannelHandlerContext) {
        isReady = true
        if request != nil { send(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end("the connection was closed", isClosed: true)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // All others are how a connection can end.
        fail("\(error)", isClosed: !(error is HTTPParserError))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            guard body.count + part.readableBytes <= RemoteAnswer.bodyBytesMax else { return fail("the answer is too long") }
            body += part.readableBytesView
        case .end:
            guard let head, let promise else { return fail("an answer that nobody has asked for") }
            timer?.cancel()
            self.promise = nil
            request = nil
            self.head = nil
            promise.succeed(RemoteAnswer(status: Int(head.status.code), body: body))
            if !head.isKeepAlive { context.close(promise: nil) }
        }
    }

    private func send(_ context: ChannelHandlerContext) {
        guard let request else { return }
        var headers: HTTPHeaders = [
            "host": request.host, "authorization": request.authorization, "accept": "application/json",
        ]
        if !request.operatorName.isEmpty { headers.add(name: "fature-operator", value: request.operatorName) }
        if let body = request.body {
            headers.add(name: "content-type", value: "application/json")
            headers.add(name: "content-length", value: String(body.count))
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: .init(rawValue: request.method), uri: request.target, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let body = request.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func fail(_ reason: String, isClosed: Bool = false) {
        let context = context
        end(reason, isClosed: isClosed)
        context?.close(promise: nil)
    }

    private func end(_ reason: String, isClosed: Bool) {
        timer?.cancel()
        timer = nil
        context = nil
        isReady = false
        let promise = promise
        self.promise = nil
        promise?.fail(RemoteFailure(isClosed: isClosed && head == nil, reason: reason, refusal: refusal))
    }
}
