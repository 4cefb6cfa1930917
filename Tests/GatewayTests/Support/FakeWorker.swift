import Core
import Frames
import NIOCore
import NIOPosix
import Synchronization

/// A worker that a test tells what to say. It speaks frames on a port of its own and keeps what it was sent.
final class FakeWorker: Sendable {
    indirect enum Reply: Sendable {
        case receipts([TransactionReceipt])
        case body(String)
        /// A part of an answer that all workers give together, without lines.
        case part(Range<Int>)
        case notOwner
        /// This worker's instance has the shard, at this epoch.
        case moved(Int64, epoch: Int64)
        case notYet
        /// An outcome with any fields.
        case outcome(Outcome, [UInt8])
        case problem(WorkerProblem)
        case binary([UInt8])
        case silence
        /// Two answers to one question.
        case both(Reply, Reply)
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
        try await start(instance, question: { _, _ in .close }, answer: answer)
    }

    /// - Parameter question: called for each frame that is not one of transactions, with how many came before it.
    static func startForQuestions(
        _ instance: Int64, question: @escaping @Sendable (_ operation: Frames.Operation, _ earlier: Int) -> Reply
    ) async throws -> FakeWorker {
        try await start(instance, question: question, answer: { _, _ in .close })
    }

    private static func start(
        _ instance: Int64, question: @escaping @Sendable (Frames.Operation, Int) -> Reply,
        answer: @escaping @Sendable ([TransactionOrder], Int) -> Reply
    ) async throws -> FakeWorker {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let log = FrameLog()
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameServer(log: log, question: question, answer: answer))
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

    /// What it has been asked beside transactions, so far.
    var questions: [Frames.Operation] { log.questions.withLock { $0 } }
    /// The fields of those frames.
    var questionFields: [[UInt8]] { log.questionFields.withLock { $0 } }

    func stop() async throws {
        try? await channel.close()
        try await group.shutdownGracefully()
    }
}

/// What has been sent to a worker.
private final class FrameLog: Sendable {
    let frames = Mutex<[[TransactionOrder]]>([])
    let questions = Mutex<[Frames.Operation]>([])
    let questionFields = Mutex<[[UInt8]]>([])
}

private final class FrameServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let assembler = FrameAssembler()
    private let log: FrameLog
    private let question: @Sendable (Frames.Operation, Int) -> FakeWorker.Reply
    private let answer: @Sendable ([TransactionOrder], Int) -> FakeWorker.Reply

    init(
        log: FrameLog, question: @escaping @Sendable (Frames.Operation, Int) -> FakeWorker.Reply,
        answer: @escaping @Sendable ([TransactionOrder], Int) -> FakeWorker.Reply
    ) {
        self.log = log
        self.question = question
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
                try assembler.receive(bytes) { header, fields in self.receive(header, fields, context) }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    private func receive(_ header: FrameHeader, _ fields: FieldReader, _ context: ChannelHandlerContext) {
        var fields = fields
        if let operation = Operation(rawValue: header.code), operation != .accept {
            let bytes = Array(fields.rest())
            log.questionFields.withLock { $0.append(bytes) }
            let earlier = log.questions.withLock { questions in
                questions.append(operation)
                return questions.count - 1
            }
            return reply(question(operation, earlier), to: header, context)
        }
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
        reply(answer(orders, earlier), to: header, context)
    }

    private func reply(_ reply: FakeWorker.Reply, to header: FrameHeader, _ context: ChannelHandlerContext) {
        var outcome = Outcome.binary
        var word: UInt32 = 0
        let content = ByteBuilder()
        switch reply {
        case .receipts(let receipts): for receipt in receipts { receipt.write(to: content) }
        case .binary(let bytes): bytes.withUnsafeBytes { content.append($0) }
        case .part(let range):
            var shards = ShardSet()
            for shard in range { shards.insert(ShardID(shard)) }
            shards.write(to: content)
            content.appendInteger(UInt32(0))
        case .body(let text):
            outcome = .body
            word = 200
            content.append(text)
        case .notOwner: outcome = .notOwner
        case .moved(let owner, let epoch):
            outcome = .moved
            content.appendInteger(UInt64(bitPattern: owner))
            content.appendInteger(UInt64(bitPattern: epoch))
        case .notYet: outcome = .notYet
        case .outcome(let other, let bytes):
            outcome = other
            bytes.withUnsafeBytes { content.append($0) }
        case .problem(let problem):
            outcome = .problem
            word = problem.rawValue
            content.appendText("")
        case .silence: return
        case .both(let first, let second):
            self.reply(first, to: header, context)
            self.reply(second, to: header, context)
            return
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
