import Core
import Frames
import Hierarchy
import Logging
import NIOCore
import Ownership
import Synchronization

/// The worker's one event loop: its shards, and who asks about them.
///
/// Reads are answered where they arrive, out of memory, in the order they came. Changes and loads happen elsewhere and come back here.
final class WorkerLoop: @unchecked Sendable {
    // @unchecked: confined to `eventLoop`; others enter through `eventLoop.execute`. `trustedUntil` is atomic.
    enum ShardState {
        case absent
        case loading(Epoch)
        case serving(ShardHost)
    }

    let eventLoop: any EventLoop
    let logger: Logger
    @exclusivity(unchecked) private(set) var shards = [ShardState](repeating: .absent, count: ShardID.count)
    /// Before this moment shards may be served (`TrustWindow`); written by the task that renews the lease.
    private let trustedUntil = Atomic<UInt64>(0)
    private var connections: [UInt64: GatewayConnection] = [:]
    private var lastConnectionNumber: UInt64 = 0
    /// Ids on the way from a root, reused.
    @exclusivity(unchecked) var pathScratch: [Int64] = []
    /// Where jobs are carried out.
    var writer: (any ShardWriting)?
    /// Where transactions are committed.
    var intake: IntakeLine?
    /// The programme's currency, three letters.
    let currency: String

    init(eventLoop: any EventLoop, currency: String, logger: Logger) {
        self.currency = currency
        self.eventLoop = eventLoop
        self.logger = logger
    }

    // MARK: Gateways

    func opened(_ connection: GatewayConnection) { connections[connection.number] = connection }
    func closed(_ connection: GatewayConnection) { connections[connection.number] = nil }
    func connection(_ number: UInt64) -> GatewayConnection? { connections[number] }

    func nextConnectionNumber() -> UInt64 {
        lastConnectionNumber += 1
        return lastConnectionNumber
    }

    func closeConnections() { for connection in connections.values { connection.close() } }

    // MARK: Ownership

    /// From any thread.
    func trust(_ window: TrustWindow) { trustedUntil.store(window.trustedUntil, ordering: .relaxed) }

    private func isTrusted(_ now: MonotonicNanoseconds) -> Bool { now < trustedUntil.load(ordering: .relaxed) }

    func host(_ shard: ShardID) -> ShardHost? {
        if case .serving(let host) = shards[Int(shard.rawValue)] { host } else { nil }
    }

    var hosts: [ShardHost] { shards.compactMap { if case .serving(let host) = $0 { host } else { nil } } }

    func beginLoading(_ shard: ShardID, _ epoch: Epoch) {
        drop(shard)
        shards[Int(shard.rawValue)] = .loading(epoch)
    }

    /// A loaded partition takes up service, unless the shard has gone elsewhere or to another epoch meanwhile.
    func install(_ host: ShardHost) {
        guard case .loading(let epoch) = shards[Int(host.shard.rawValue)], epoch == host.epoch else { return }
        shards[Int(host.shard.rawValue)] = .serving(host)
    }

    /// The shard is not ours any more: what waits for it is told so.
    func drop(_ shard: ShardID) {
        let state = shards[Int(shard.rawValue)]
        shards[Int(shard.rawValue)] = .absent
        guard case .serving(let host) = state else { return }
        let (jobs, reads) = host.abandon()
        for job in jobs { job.reply?.reply(.notOwner) }
        for read in reads { read() }
    }

    func dropAll() { for shard in 0..<ShardID.count { drop(ShardID(shard)) } }

    /// Waits until no transaction is on its way to PostgreSQL. From any thread.
    /// - Returns: false when the time was over before.
    func intakeEnds(withinMilliseconds milliseconds: Int64) async -> Bool {
        let end = eventLoop.makePromise(of: Bool.self)
        let loop = LoopConfined(self)
        eventLoop.execute {
            guard let intake = loop.value.intake else { return end.succeed(true) }
            let timer = loop.value.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { end.succeed(false) }
            intake.whenIdle {
                timer.cancel()
                end.succeed(true)
            }
        }
        return (try? await end.futureResult.get()) ?? false
    }

    // MARK: Requests

    /// Answers one frame, now or later.
    func serve(_ header: FrameHeader, _ fields: FieldReader, from connection: GatewayConnection, now: MonotonicNanoseconds) {
        let out = connection.out
        guard let operation = Operation(rawValue: header.code) else {
            refuse(header, .malformedFrame, "operation \(header.code) is unknown", out)
            return
        }
        guard isTrusted(now) else {
            out.reply(.notOwner, requestID: header.requestID, shard: header.shard, word: 0) { _ in }
            return
        }
        if header.shard == ShardSet.allShards {
            if operation == .accept { return accept(header, fields, from: connection, now: now) }
            serveAll(operation, header, fields, out)
            return
        }
        guard Int(header.shard) < ShardID.count else {
            refuse(header, .malformedFrame, "shard \(header.shard)", out)
            return
        }
        switch shards[Int(header.shard)] {
        case .absent: out.reply(.notOwner, requestID: header.requestID, shard: header.shard, word: 0) { _ in }
        case .loading: refuse(header, .loading, "", out)
        case .serving(let host): serve(operation, header, fields, from: connection, host: host, now: now)
        }
    }

    private func serve(
        _ operation: Operation, _ header: FrameHeader, _ fields: FieldReader, from connection: GatewayConnection, host: ShardHost,
        now: MonotonicNanoseconds
    ) {
        var fields = fields
        let out = connection.out
        switch operation {
        case .affiliate, .upline, .catchUp:
            guard let question = AffiliateQuestion(from: &fields), fields.isAtEnd else { break }
            if question.sequence > host.applied {
                waitForChange(question.sequence, header, host, connection) {
                    self.read(operation, question, header, $0, connection.out)
                }
            } else {
                read(operation, question, header, host, out)
            }
            return
        case .network, .statusCounts:
            guard let question = NetworkQuestion(from: &fields), fields.isAtEnd else { break }
            if question.about.sequence > host.applied {
                waitForChange(question.about.sequence, header, host, connection) {
                    self.read(operation, question, header, $0, connection.out)
                }
            } else {
                read(operation, question, header, host, out)
            }
            return
        case .join:
            guard let order = JoinOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.join(order), header, connection, host, now)
            return
        case .setStatus:
            guard let order = StatusOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.setStatus(order), header, connection, host, now)
            return
        case .move:
            guard let order = MoveOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.move(order), header, connection, host, now)
            return
        case .rankings, .statistics, .presence, .accept: break
        }
        refuse(header, .malformedFrame, "\(operation)", out)
    }

    func refuse(_ header: FrameHeader, _ problem: WorkerProblem, _ detail: String, _ out: ByteBuilder) {
        out.reply(.problem, requestID: header.requestID, shard: header.shard, word: problem.rawValue) { $0.appendText(detail) }
    }

    private func enqueue(
        _ kind: ShardJob.Kind, _ header: FrameHeader, _ connection: GatewayConnection, _ host: ShardHost,
        _ now: MonotonicNanoseconds
    ) {
        let job = ShardJob(
            kind: kind, deadline: now &+ UInt64(header.word) &* 1000, reply: ReplyAddress(connection: connection, header: header))
        guard host.add(job) else {
            refuse(header, .overloaded, "", connection.out)
            return
        }
        writer?.pump(host)
    }

    /// The gateway knows of a change that this worker has not seen: the answer waits until it has.
    private func waitForChange(
        _ sequence: ChangeSequence, _ header: FrameHeader, _ host: ShardHost, _ connection: GatewayConnection,
        _ answer: @escaping (ShardHost) -> Void
    ) {
        let address = ReplyAddress(connection: connection, header: header)
        let isWaiting = host.wait(for: sequence) {
            // The shard may have been dropped meanwhile; then nothing of it may be told.
            guard self.host(host.shard) === host, self.isTrusted(monotonicNow()) else {
                address.reply(.notOwner)
                return
            }
            answer(host)
            connection.flushSoon()
        }
        guard isWaiting else {
            refuse(header, .overloaded, "", connection.out)
            return
        }
        writer?.catchUp(host)
    }
}

/// What carries out a shard's jobs.
protocol ShardWriting: AnyObject {
    /// Begins the shard's next job, if none is going on. On the event loop.
    func pump(_ host: ShardHost)
    /// Brings the shard up to what is committed. On the event loop.
    func catchUp(_ host: ShardHost)
}
