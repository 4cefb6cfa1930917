import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Stands between TLS and a connection's handler: the handler learns of the connection once the peer is known, and of no other.
///
/// It says why peers are refused, closes what takes too long, and leaves the pipeline when it has nothing more to do.
final class HandshakeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private enum State {
        case waiting
        /// The peer is known. As a client we hear only later whether it takes us: until its first bytes a failure is a refusal.
        case known
        /// The reason has been told.
        case refused
    }

    /// Whether we were connected to, or have connected.
    enum Side {
        case accepting(HandshakePlaces)
        case connecting
    }

    /// How long a handshake may take.
    static let limit = TimeAmount.seconds(5)

    private let side: Side
    private let verdict: PeerVerdict
    private let tls: any ChannelHandler
    private let peer: String
    private let limit: TimeAmount
    private let tell: (PeerRefusal) -> Void
    private var state = State.waiting
    private var timer: Scheduled<Void>?
    private var place: UInt64?

    /// - Parameters:
    ///   - tls: the handler that stands before this one.
    ///   - peer: the peer's host.
    ///   - tell: writes a refusal into the log.
    init(
        _ side: Side, verdict: PeerVerdict, tls: any ChannelHandler, peer: String, limit: TimeAmount,
        tell: @escaping (PeerRefusal) -> Void
    ) {
        self.side = side
        self.verdict = verdict
        self.tls = tls
        self.peer = peer
        self.limit = limit
        self.tell = tell
    }

    func channelActive(context: ChannelHandlerContext) {
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        if case .accepting(let places) = side {
            let eventLoop = context.value.eventLoop
            place = places.enter(host: peer) {
                eventLoop.execute { gate.value.giveUp(.crowdedOut, context.value) }
            }
        }
        timer = context.value.eventLoop.scheduleTask(in: limit) { gate.value.giveUp(.tooSlow, context.value) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent, case .waiting = state {
            // A session that is resumed shows no certificate, and so has no verdict.
            guard case .success = verdict.result else {
                refuse(.unjudged)
                cut(context)
                return
            }
            leaveWaiting()
            state = .known
            context.fireUserInboundEventTriggered(event)
            context.fireChannelActive()
            if case .accepting = side { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What a refused peer has sent with the end of its handshake arrives before the connection is closed: it goes no further.
        guard case .known = state else { return }
        context.fireChannelRead(data)
        if case .connecting = side { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .waiting:
            if case .failure(let refusal) = verdict.result { refuse(refusal) } else { refuse(HandshakeFault.refusal(error)) }
            context.close(promise: nil)
        case .known:
            let refusal = HandshakeFault.refusal(error)
            if case .refusedByPeer = refusal { refuse(refusal) }
            context.fireErrorCaught(error)
        case .refused: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .waiting = state {
            if case .failure(let refusal) = verdict.result { refuse(refusal) } else { refuse(.closed) }
        }
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leaveWaiting() }

    private func giveUp(_ refusal: PeerRefusal, _ context: ChannelHandlerContext) {
        guard case .waiting = state else { return }
        refuse(refusal)
        cut(context)
    }

    private func refuse(_ refusal: PeerRefusal) {
        leaveWaiting()
        state = .refused
        tell(refusal)
    }

    private func leaveWaiting() {
        timer?.cancel()
        timer = nil
        if case .accepting(let places) = side, let place { places.leave(place) }
        place = nil
    }

    /// Closes without goodbyes, which the peer could wait out: from before TLS, straight at the socket.
    private func cut(_ context: ChannelHandlerContext) {
        do { try context.pipeline.syncOperations.context(handler: tls).close(promise: nil) } catch { context.close(promise: nil) }
    }
}
