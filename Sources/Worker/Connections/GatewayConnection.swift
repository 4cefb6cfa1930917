import Core
import Frames
import NIOCore

/// A gateway's connection to this worker: frames in, replies out, one write for all replies of a read.
final class GatewayConnection: ChannelInboundHandler, @unchecked Sendable {
    // @unchecked: confined to the worker's event loop.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    fileprivate let loop: WorkerLoop
    /// Never used again for another connection.
    let number: UInt64
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    let out = ByteBuilder(capacity: 64 << 10)
    private let assembler = FrameAssembler()
    @exclusivity(unchecked) private var outBuffer = ByteBufferAllocator().buffer(capacity: 64 << 10)
    @exclusivity(unchecked) private var isFlushScheduled = false

    /// So many bytes of replies are sent without waiting for the end of the read.
    private static let flushBytes = 1 << 20
    /// So many may wait for a gateway that does not read them; then reads are refused.
    private static let waitingBytesMax = 16 << 20
    private static let keptBytesMax = 2 << 20

    init(loop: WorkerLoop) {
        self.loop = loop
        number = loop.nextConnectionNumber()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        loop.closed(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        let now = monotonicNow()
        do {
            try buffer.withUnsafeReadableBytes { bytes in
                try assembler.receive(bytes) { take($0, $1, now) }
            }
        } catch {
            loop.logger.error("a gateway sent a malformed frame", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    /// Replies that fit are made at once; many large ones go out piece by piece, and past the limit there are none.
    private func take(_ header: FrameHeader, _ fields: FieldReader, _ now: MonotonicNanoseconds) {
        if out.count > Self.waitingBytesMax {
            loop.refuse(header, .overloaded, "", out)
            return
        }
        loop.serve(header, fields, from: self, now: now)
        if out.count > Self.flushBytes { flush() }
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush() }

    /// Replies made outside of a read go out at the end of the tick, together.
    func flushSoon() {
        guard !isFlushScheduled, let context else { return }
        isFlushScheduled = true
        context.eventLoop.execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        guard let context, out.count > 0, context.channel.isWritable else { return }
        outBuffer.clear(minimumCapacity: out.count)
        outBuffer.writeBytes(out.bytes)
        out.removeAll()
        context.writeAndFlush(wrapOutboundOut(outBuffer), promise: nil)
        // One large answer must not be kept room for ever after.
        if outBuffer.capacity > Self.keptBytesMax { outBuffer = ByteBufferAllocator().buffer(capacity: 64 << 10) }
    }

    /// A gateway that does not read its replies is not read from.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let channel = context.channel
        let isWritable = channel.isWritable
        channel.setOption(.autoRead, value: isWritable).whenFailure { _ in channel.close(promise: nil) }
        if isWritable { flush() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func close() { context?.close(promise: nil) }
}

/// Where a reply goes that is made later: nowhere, once the gateway has gone.
struct ReplyAddress {
    private let loop: WorkerLoop
    private let connection: UInt64
    let requestID: UInt64
    let shard: UInt16

    init(connection: GatewayConnection, header: FrameHeader) {
        loop = connection.loop
        self.connection = connection.number
        requestID = header.requestID
        shard = header.shard
    }

    /// Writes a reply; `fields` adds its fields.
    func reply(_ outcome: Outcome, word: UInt32 = 0, fields: (ByteBuilder) -> Void = { _ in }) {
        guard let connection = loop.connection(connection) else { return }
        connection.out.reply(outcome, requestID: requestID, shard: shard, word: word, fields: fields)
        connection.flushSoon()
    }

    func refuse(_ problem: WorkerProblem, _ detail: String = "") {
        reply(.problem, word: problem.rawValue) { $0.appendText(detail) }
    }
}

extension ByteBuilder {
    /// One whole reply. An answer too long for a frame becomes a problem.
    func reply(_ outcome: Outcome, requestID: UInt64, shard: UInt16, word: UInt32, fields: (ByteBuilder) -> Void) {
        let start = beginFrame(FrameHeader(code: outcome.rawValue, shard: shard, requestID: requestID, word: word))
        fields(self)
        guard !endFrame(start) else { return }
        reply(.problem, requestID: requestID, shard: shard, word: WorkerProblem.answerTooLarge.rawValue) { $0.appendText("") }
    }
}
