import Administration
import ClusterTLS
import Core
import NIOCore
import NIOHTTP1

/// One operator's connection over HTTP/1.1: one request at a time. A request that comes before the answer to the one before is not looked at,
/// and the connection ends with that answer.
final class AdministrationConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// For a request's head.
        case waiting
        case receiving(OperatorRequest)
        case working(Task<Void, Never>, OperatorRequest)
        /// The kernel has not taken the answer yet.
        case answering
        /// What a refused client goes on sending is thrown away.
        case lingering
        case closed
    }

    private let loop: AdministrationLoop
    private let peer: AcceptedPeer?
    private var context: ChannelHandlerContext?
    private var state = State.closed
    private var timer: Scheduled<Void>?
    private var isLast = false
    private var isReadPending = false
    private(set) var waitingSince = monotonicNow()

    init(loop: AdministrationLoop, peer: AcceptedPeer?) {
        self.loop = loop
        self.peer = peer
    }

    /// Whether nothing would be lost if it closed.
    var isWaiting: Bool {
        switch state {
        case .waiting, .receiving, .lingering: true
        case .working, .answering, .closed: false
        }
    }

    // MARK: The connection's life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    /// With TLS: once the peer is known.
    func channelActive(context: ChannelHandlerContext) { begin(context) }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Bytes behind those that were no HTTP: they are thrown away, too.
        if error is ByteToMessageDecoderError { return }
        guard let error = error as? HTTPParserError else { return close() }
        switch state {
        case .waiting, .receiving: refuse(fault(of: error))
        case .working, .answering: isLast = true
        case .lingering, .closed: break
        }
    }

    private func fault(of error: HTTPParserError) -> AdministrationFault {
        guard case .headerOverflow = error else { return AdministrationFault(.malformedRequest, "this is no HTTP/1.1 request") }
        let limits = loop.limits
        return AdministrationFault(
            .headersTooLarge, "a head has \(limits.headersMax) headers and \(limits.headBytesMax) bytes at most")
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard case .closed = state, self.context != nil else { return }
        guard loop.enter(self) else { return context.close(promise: nil) }
        wait()
    }

    private func end() {
        if case .closed = state, context == nil { return }
        timer?.cancel()
        timer = nil
        // A change at work goes on: what was asked for is done, and counted until then. A question's answer nobody wants any more.
        if case .working(let task, let request) = state, request.isQuestion { task.cancel() }
        state = .closed
        context = nil
        loop.leave(self)
    }

    func close() { context?.close(promise: nil) }

    func shutDown() {
        isLast = true
        switch state {
        case .waiting, .lingering: close()
        case .receiving:
            refuse(AdministrationFault(.shuttingDown, "this coordinator ends; ask another, or this one when it is there again"))
        case .working, .answering, .closed: break
        }
    }

    private func wait() {
        state = .waiting
        waitingSince = monotonicNow()
        startTimer(loop.limits.idleMilliseconds)
    }

    private func startTimer(_ milliseconds: Int64) {
        timer?.cancel()
        guard let context else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(milliseconds)) { self.timeIsOver() }
    }

    private func timeIsOver() {
        switch state {
        case .waiting, .answering, .lingering, .closed: close()
        case .receiving: refuse(AdministrationFault(.requestTimedOut, "the request did not arrive whole in time"))
        case .working(let task, let request):
            task.cancel()
            isLast = true
            let fault =
                request.isQuestion
                ? AdministrationFault(.deadlineExceeded, "it took too long and was given up")
                : AdministrationFault(.outcomeUnknown, "it took too long; look whether it was done before asking again")
            answer(AdministrationAnswer(fault, requestID: request.requestID), to: request)
        }
    }

    // MARK: Requests

    /// While a request is at work nothing more is read.
    func read(context: ChannelHandlerContext) {
        switch state {
        case .working, .answering: isReadPending = true
        case .waiting, .receiving, .lingering, .closed: context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.waiting, .head(let head)):
            startTimer(loop.limits.requestMilliseconds)
            let request = OperatorRequest(head, limits: loop.limits, token: loop.token)
            if request.fault?.code == .unauthorized { loop.refusedWithoutToken(peer: peerAddress) }
            state = .receiving(request)
            if request.isHopeless, let fault = request.fault { refuse(fault) }
        case (.receiving(var request), .body(let part)):
            // Held by this copy alone while it grows.
            state = .waiting
            request.append(part.readableBytesView)
            state = .receiving(request)
            if request.isHopeless, let fault = request.fault { refuse(fault) }
        case (.receiving(let request), .end): perform(request)
        // It has the answer, and nothing more is to come that would have to be thrown away.
        case (.lingering, .end): close()
        case (.working, _), (.answering, _): isLast = true
        default: break
        }
    }

    private func perform(_ request: OperatorRequest) {
        let call: AdministrationCall
        do throws(AdministrationFault) {
            if let fault = request.fault { throw fault }
            call = try AdministrationCall(method: request.method, target: request.target, body: request.body)
            guard loop.hasRoom else {
                throw AdministrationFault(.overloaded, "\(loop.limits.requestsAtWorkMax) requests are at work; ask again shortly")
            }
        } catch {
            return answer(AdministrationAnswer(error, requestID: request.requestID), to: request)
        }
        guard let context else { return }
        let origin = ChangeOrigin.http(
            peer: peerAddress, certificate: peer?.identity?.name, claimed: request.claimedName, requestID: request.requestID)
        let promise = context.eventLoop.makePromise(of: AdministrationAnswer.self)
        let desk = loop.desk
        let task = Task { promise.succeed(await desk.answer(to: call, of: origin)) }
        loop.began(task, requestID: request.requestID)
        state = .working(task, request)
        promise.futureResult.assumeIsolated().whenSuccess { done in
            self.loop.ended(requestID: request.requestID)
            // Its time may be over, and the connection gone.
            guard case .working(_, let asked) = self.state, asked.requestID == request.requestID else { return }
            self.answer(done, to: request)
        }
    }

    /// Answers what has not arrived whole, and ends the connection.
    private func refuse(_ fault: AdministrationFault) {
        var requestID = OperatorRequest.newRequestID()
        var hasBody = true
        if case .receiving(let request) = state {
            requestID = request.requestID
            hasBody = request.method != "HEAD"
        }
        isLast = true
        write(AdministrationAnswer(fault, requestID: requestID), requestID: requestID, isWhole: false, hasBody: hasBody)
    }

    private func answer(_ answer: AdministrationAnswer, to request: OperatorRequest) {
        if !request.isKeptAlive { isLast = true }
        write(answer, requestID: request.requestID, isWhole: true, hasBody: request.method != "HEAD")
    }

    // MARK: Answers

    private func write(_ answer: AdministrationAnswer, requestID: String, isWhole: Bool, hasBody: Bool = true) {
        guard let context else { return }
        state = .answering
        startTimer(loop.limits.idleMilliseconds)
        var headers: HTTPHeaders = [
            "content-type": answer.contentType, "content-length": String(answer.body.count), "x-request-id": requestID,
            "cache-control": "no-store",
        ]
        for header in answer.headers { headers.add(name: header.name, value: header.value) }
        if isLast { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if hasBody {
            context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: answer.body)))), promise: nil)
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
        sent.futureResult.assumeIsolated().whenComplete { result in
            guard let context = self.context else { return }
            guard case .success = result else { return self.close() }
            self.goOn(context, isWhole: isWhole)
        }
    }

    /// The answer is on its way.
    private func goOn(_ context: ChannelHandlerContext, isWhole: Bool) {
        guard !isLast else {
            guard !isWhole else { return close() }
            // A close now would make the kernel reset the connection under the answer, as the client is still sending.
            state = .lingering
            startTimer(AdministrationLimits.farewellMilliseconds)
            context.close(mode: .output, promise: nil)
            return resumeReading(context)
        }
        wait()
        resumeReading(context)
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard isReadPending else { return }
        isReadPending = false
        context.read()
    }

    private var peerAddress: String { context?.channel.remoteAddress?.ipAddress ?? "unknown" }
}
