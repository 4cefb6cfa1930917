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
    let eventLoop: any EventLoop
    let logger: Logger
    /// By shard number.
    let seats = (0..<ShardID.count).map { ShardSeat(ShardID($0)) }
    /// The copies that answer reads now, by shard number: what the duties say, kept at hand.
    @exclusivity(unchecked) private var served = [ShardHost?](repeating: nil, count: ShardID.count)
    /// Who carries out what the duties say.
    weak var steward: ShardSteward?
    /// Before this moment shards may be served (`TrustWindow`); written by the task that renews the lease.
    private let trustedUntil = Atomic<UInt64>(0)
    private var connections: [UInt64: GatewayConnection] = [:]
    private var lastConnectionNumber: UInt64 = 0
    /// Reads and transactions that wait for a shard, each woken once.
    private var waitingReads = 0
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

    func seat(_ shard: ShardID) -> ShardSeat { seats[Int(shard.rawValue)] }

    /// The copy that answers reads now.
    func host(_ shard: ShardID) -> ShardHost? { served[Int(shard.rawValue)] }

    /// All copies that answer reads now.
    var hosts: [ShardHost] { served.compactMap(\.self) }

    /// To be called after every change of a seat's duty or copy.
    func refresh(_ seat: ShardSeat) {
        served[Int(seat.shard.rawValue)] = if case .serve = seat.duty.read() { seat.copy } else { nil }
    }

    /// Whether the shard's memory is still this one: if not, what concerns it comes too late.
    func isCurrent(_ host: ShardHost) -> Bool { seat(host.shard).copy === host }

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
        serve(operation, header, fields, from: connection, seat: seats[Int(header.shard)], now: now)
    }

    private func serve(
        _ operation: Operation, _ header: FrameHeader, _ fields: FieldReader, from connection: GatewayConnection, seat: ShardSeat,
        now: MonotonicNanoseconds
    ) {
        var fields = fields
        let out = connection.out
        let host = served[Int(header.shard)]
        switch operation {
        case .affiliate, .upline, .catchUp:
            guard let question = AffiliateQuestion(from: &fields), fields.isAtEnd else { break }
            if let host, question.sequence <= host.applied { return read(operation, question, header, host, out) }
            admit(question.sequence, seat, connection, header, now) {
                self.read(operation, question, header, $0, connection.out)
            }
            return
        case .network, .statusCounts:
            guard let question = NetworkQuestion(from: &fields), fields.isAtEnd else { break }
            if let host, question.about.sequence <= host.applied { return read(operation, question, header, host, out) }
            admit(question.about.sequence, seat, connection, header, now) {
                self.read(operation, question, header, $0, connection.out)
            }
            return
        case .join:
            guard let order = JoinOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.join(order), header, connection, seat, now)
            return
        case .setStatus:
            guard let order = StatusOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.setStatus(order), header, connection, seat, now)
            return
        case .move:
            guard let order = MoveOrder(from: &fields), fields.isAtEnd else { break }
            enqueue(.move(order), header, connection, seat, now)
            return
        case .rankings, .statistics, .presence, .accept: break
        }
        refuse(header, .malformedFrame, "\(operation)", out)
    }

    func refuse(_ header: FrameHeader, _ problem: WorkerProblem, _ detail: String, _ out: ByteBuilder) {
        out.reply(.problem, requestID: header.requestID, shard: header.shard, word: problem.rawValue) { $0.appendText(detail) }
    }

    private func enqueue(
        _ kind: ShardJob.Kind, _ header: FrameHeader, _ connection: GatewayConnection, _ seat: ShardSeat,
        _ now: MonotonicNanoseconds
    ) {
        let address = ReplyAddress(connection: connection, header: header)
        switch seat.duty.write(isWide: kind.isWide) {
        case .serve, .hold:
            let job = ShardJob(kind: kind, deadline: now &+ UInt64(header.word) &* 1000, reply: address)
            guard let host = seat.copy, host.add(job) else { return address.refuse(.overloaded) }
            writer?.pump(host)
        case let other: decline(other, address, seat)
        }
    }

    // MARK: Reads that can not be answered at once

    /// Of all shards together; each shard has limits of its own.
    private static let waitingReadsMax = 16_384

    private func admit(
        _ sequence: ChangeSequence, _ seat: ShardSeat, _ connection: GatewayConnection, _ header: FrameHeader,
        _ now: MonotonicNanoseconds, _ answer: @escaping (ShardHost) -> Void
    ) {
        let address = ReplyAddress(connection: connection, header: header)
        admit(sequence, seat, WaitLimits(deadline: now &+ UInt64(header.word) &* 1000, now: now)) { admission in
            switch admission {
            case .admitted(let host):
                answer(host)
                connection.flushSoon()
            case .overloaded: address.refuse(.overloaded)
            case .expired: address.refuse(.deadlineExceeded)
            case .declined(let reason): self.decline(reason, address, seat)
            }
        }
    }

    enum Admission {
        case admitted(ShardHost)
        /// Too many wait already.
        case overloaded
        /// Nobody waits for the answer any more.
        case expired
        case declined(ShardDuty.Answer)
    }

    /// Calls back once the shard may be read and contains the change, or with the reason why not.
    func admit(
        _ sequence: ChangeSequence, _ seat: ShardSeat, _ limits: WaitLimits, _ then: @escaping (Admission) -> Void
    ) {
        guard isTrusted(monotonicNow()) else { return then(.declined(.notOwner)) }
        switch seat.duty.read() {
        case .serve:
            guard let host = seat.copy else { return then(.declined(.loading)) }
            if sequence <= host.applied { return then(.admitted(host)) }
            // The gateway knows of a change that this worker has not seen.
            let wake = waking(sequence, seat, limits, otherwise: .expired, then)
            guard waitingReads < Self.waitingReadsMax, host.wait(for: sequence, until: limits.deadline, wake) else {
                return then(.overloaded)
            }
            waitingReads += 1
            writer?.catchUp(host)
        case .hold:
            let end = limits.heldUntil < limits.deadline ? Admission.declined(.notYet) : .expired
            let wake = waking(sequence, seat, limits, otherwise: end, then)
            guard waitingReads < Self.waitingReadsMax, seat.hold(until: limits.heldUntil, wake) else {
                return then(.overloaded)
            }
            waitingReads += 1
        case let other: then(.declined(other))
        }
    }

    /// Whatever is waited for: the shard may have gone, or come anew, when it is over.
    private func waking(
        _ sequence: ChangeSequence, _ seat: ShardSeat, _ limits: WaitLimits, otherwise end: Admission,
        _ then: @escaping (Admission) -> Void
    ) -> (Waking) -> Void {
        { waking in
            self.waitingReads -= 1
            switch waking {
            case .again: self.admit(sequence, seat, limits, then)
            case .over: then(end)
            }
        }
    }

    /// Says who has the shard, as far as this worker knows.
    func decline(_ reason: ShardDuty.Answer, _ address: ReplyAddress, _ seat: ShardSeat) {
        if seat.duty.shouldLookWhenAsked { steward?.lookAtMoves() }
        switch reason {
        case .moved(let owner, let epoch):
            address.reply(.moved) {
                $0.appendInteger(owner.rawValue)
                $0.appendInteger(epoch.rawValue)
            }
        // The shard is ours again, at another epoch: nothing was begun, and the next try is served.
        case .notYet, .serve, .hold: address.reply(.notYet)
        case .loading: address.refuse(.loading)
        case .notOwner: address.reply(.notOwner)
        }
    }
}

/// What carries out a shard's jobs.
protocol ShardWriting: AnyObject {
    /// Begins the shard's next job, if none is going on and one may begin. On the event loop.
    func pump(_ host: ShardHost)
    /// Brings the shard up to what is committed. On the event loop.
    func catchUp(_ host: ShardHost)
}
