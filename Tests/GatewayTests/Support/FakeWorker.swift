import Core
import Frames
import NIOCore
import NIOPosix
import Synchronization

/// A worker that a test tells what to say. It speaks frames on a port of its own and keeps what it was sent.
final class FakeWorker: Sendable {
    enum Reply {
        case receipts([TransactionReceipt])
        case notOwner
        case problem(WorkerProblem)
        case binary([UInt8])
        case silence
        case close
    }

    let instance: WorkerInstanceID
    let port: Int
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let log: FrameLog

    /// - Parameter answer: called for each frame of transactions, with how many came before it.
    static func start(
        _ instance: Int64, answer: @escaping @Sendable (_ orders: [TransactionOrder], _ earlier: Int) -> Reply
    ) async throws -> FakeWorker {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let log = FrameLog()
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameServer(log: log, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakeWorker(
            instance: WorkerInstanceID(instance), port: channel.localAddress?.port ?? 0, channel: channel, group: group, log: log)
    }

    private init(
        instance: WorkerInstanceID, port: Int, channel: any Channel, group: MultiThreadedEventLoopGroup, log: FrameLog
    ) {
        self.instance = instance
        self.port = port
        self.channel = channel
        self.group = group
        self.log = log
    }

    /// The transactions of every frame so far.
    var received: [[TransactionOrder]] { log.frames.withLock { $0 } }

    func stop() async throws {
        try? await channel.close()
        try await group.shutdownGracefully()
    }
}

/// What has been sent to a worker.
private final class FrameLog: Sendable {
    let frames = Mutex<[[TransactionOrder]]>([])
}

private final class FrameServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let assembler = FrameAssembler()
    private let log: FrameLog
    private let answer: @Sendable ([TransactionOrder], Int) -> FakeWorker.Reply

    init(log: FrameLog, answer: @escaping @Sendable ([TransactionOrder], Int) -> FakeWorker.Reply) {
        self.log = log
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
                try assembler.receive(bytes) { header, fields in self.reply(header, fields, context) }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    private func reply(_ header: FrameHeader, _ fields: FieldReader, _ context: ChannelHandlerContext) {
        var fields = fields
        guard header.code == Operation.accept.rawValue, header.shard == ShardSet.allShards,
            let orders = TransactionOrder.list(from: &fields)
        else {
            context.close(promise: nil)
            return
        }
        let earlier = log.frames.withLock { frames in
            frames.append(orders)
            return frames.count - 1
        }
        var outcome = Outcome.binary
        var word: UInt32 = 0
        let content = ByteBuilder()
        switch answer(orders, earlier) {
        case .receipts(let receipts): for receipt in receipts { receipt.write(to: content) }
        case .binary(let bytes): bytes.withUnsafeBytes { content.append($0) }
        case .notOwner: outcome = .notOwner
        case .problem(let problem):
            outcome = .problem
            word = problem.rawValue
            content.appendText("")
        case .silence: return
        case .close:
            context.close(promise: nil)
            return
        }
        let frame = ByteBuilder()
        let start = frame.beginFrame(
            FrameHeader(code: outcome.rawValue, shard: header.shard, requestID: header.requestID, word: word))
        frame.append(content.bytes)
        frame.endFrame(start)
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: frame.bytes)), promise: nil)
    }
}
