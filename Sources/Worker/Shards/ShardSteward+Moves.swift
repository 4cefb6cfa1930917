import Core
import Logging
import NIOCore
import Ownership
import PostgresClient
import Store

/// When the rows of hand-offs are looked at: one look at a time, and a pause between two, however many ask for one. Time is an argument.
struct MoveLooks {
    enum Step: Equatable {
        case look
        /// Call `pauseEnded` after so long.
        case pause(nanoseconds: UInt64)
        /// One that will begin later has been asked for.
        case nothing
    }

    /// From the beginning of one look to that of the next.
    static let pauseNanoseconds: UInt64 = 5_000_000
    static let activeMilliseconds: Int64 = 5
    static let idleMilliseconds: Int64 = 100

    private(set) var isLooking = false
    private var isPausing = false
    /// Something has happened since the look that is going on began.
    private var mustLookAgain = false
    private var notBefore: MonotonicNanoseconds = 0

    /// Somebody wants a look that begins after this.
    mutating func ask(_ now: MonotonicNanoseconds) -> Step {
        if isLooking {
            mustLookAgain = true
            return .nothing
        }
        if isPausing { return .nothing }
        guard now >= notBefore else {
            isPausing = true
            return .pause(nanoseconds: notBefore - now)
        }
        isLooking = true
        notBefore = now + Self.pauseNanoseconds
        return .look
    }

    mutating func pauseEnded(_ now: MonotonicNanoseconds) -> Step {
        isPausing = false
        return ask(now)
    }

    mutating func ended(_ now: MonotonicNanoseconds) -> Step {
        isLooking = false
        guard mustLookAgain else { return .nothing }
        mustLookAgain = false
        return ask(now)
    }
}

extension ShardSteward {
    private var isActive: Bool { loop.seats.contains { $0.duty.activeMove != nil } }

    /// Looks again and again: soon where a move goes on, seldom else.
    func scheduleLook() {
        let pause = isActive ? MoveLooks.activeMilliseconds : MoveLooks.idleMilliseconds
        lookTimer = loop.eventLoop.scheduleTask(in: .milliseconds(pause)) {
            self.tick()
            if !self.looks.isLooking { self.lookAtMoves() }
            self.scheduleLook()
        }
    }

    /// For the end of the worker.
    func stopLooking() { lookTimer?.cancel() }

    /// Somebody has been sent here for a shard whose move goes on, or it is time.
    func lookAtMoves() { take(looks.ask(monotonicNow())) }

    private func take(_ step: MoveLooks.Step) {
        switch step {
        case .look: look()
        case .pause(let nanoseconds):
            loop.eventLoop.scheduleTask(in: .nanoseconds(Int64(nanoseconds))) {
                self.take(self.looks.pauseEnded(monotonicNow()))
            }
        case .nothing: break
        }
    }

    /// Time passes.
    private func tick() {
        let now = monotonicNow()
        for seat in loop.seats {
            // Said again until it can be done: a copy may fail to load, or a hand-off may be in the way.
            if seat.standsBy != seat.isStandingBy { tell(seat) { $0.standBy(seat.standsBy) } }
            for wake in seat.takeExpiredReads(now) { wake(.over) }
            guard seat.isUnsettled else { continue }
            tell(seat) { $0.tick(now: now) }
            // It may have become more urgent without asking again.
            if !seat.readings.isEmpty, seat.duty.wantsLoad(of: seat.duty.generation) { load(seat) }
            guard seat.duty.activeMove != nil else { continue }
            for job in seat.copy?.takeExpired(now) ?? [] { job.reply?.refuse(.deadlineExceeded) }
            progress(seat)
        }
    }

    private func look() {
        guard let instance else { return take(looks.ended(monotonicNow())) }
        let known = loop.seats.compactMap { seat in seat.duty.activeMove.map { (move: $0, shard: seat.shard) } }
        let pool = pools.follow
        let eventLoop = loop.eventLoop
        Task {
            var seen = MovesSeen()
            do {
                seen = try await pool.withConnection { try MovesSeen.read(of: instance, and: known, on: $0) }
            } catch {
                logger.debug("the rows of hand-offs could not be read", metadata: ["error": "\(error)"])
            }
            eventLoop.execute { [seen] in
                if self.instance == instance {
                    for row in seen.rows.moves { self.see(row) }
                    self.note(seen.rows.unreadable)
                    for (move, shard) in seen.gone { self.seeGone(move, shard) }
                }
                self.take(self.looks.ended(monotonicNow()))
            }
        }
    }

    /// Told once, not at every look.
    private func note(_ unreadable: [ShardMoveQueries.UnreadableRow]) {
        for row in unreadable where !unreadableMoves.contains(row.id) {
            logger.error(
                "the row of a hand-off makes no sense, and is left alone: end it with `SELECT fature_v2.abort_move(ID, 'operator', null)`",
                metadata: ["move": "\(row.id)", "reason": "\(row.reason)"])
        }
        unreadableMoves = Set(unreadable.map(\.id))
    }

    private func seeGone(_ move: MoveID, _ shard: Topology.Shard) {
        guard let seat = loop.seats.first(where: { $0.duty.activeMove == move }) else { return }
        logger.error(
            "the row of a hand-off is not there any more: its shard is served as its own row says",
            metadata: ["move": "\(move)", "shard": "\(seat.shard)", "epoch": "\(shard.epoch)"])
        tell(seat) { $0.moveGone(move, owner: shard.owner, epoch: shard.epoch, now: monotonicNow()) }
        progress(seat)
    }

    private func see(_ row: ShardMove) {
        let seat = loop.seat(row.shard)
        let before = seat.duty.activeMove
        tell(seat) { $0.seen(row, now: monotonicNow()) }
        progress(seat)
        noteEnds(seat, before, row)
        // From now on soon.
        if before == nil, seat.duty.activeMove != nil {
            lookTimer?.cancel()
            scheduleLook()
        }
    }

    private func noteEnds(_ seat: ShardSeat, _ before: MoveID?, _ row: ShardMove) {
        let after = seat.duty.activeMove
        guard before != after else { return }
        let words: Logger.Message = after == nil ? "a hand-off has ended" : "a hand-off begins"
        logger.info(
            words,
            metadata: [
                "move": "\(row.id)", "shard": "\(row.shard)", "from": "\(row.source)", "to": "\(row.target)",
                "state": "\(row.stage.name)",
            ])
    }

    /// Has a step of a move written.
    func write(_ id: MoveID, _ write: MoveWrite, _ seat: ShardSeat) {
        guard let instance else { return }
        let pool = pools.moves
        let eventLoop = loop.eventLoop
        Task {
            let outcome: MoveWriteOutcome
            do {
                outcome = try await pool.withConnection { connection in
                    write.failPoints.before.pass()
                    let outcome = try ShardMoveQueries.write(
                        id, write, by: instance, on: connection, timeoutMilliseconds: DatabasePatience.leaseMilliseconds)
                    write.failPoints.after.pass()
                    return outcome
                }
            } catch {
                logger.warning(
                    "a step of a hand-off was not answered as it should be",
                    metadata: ["move": "\(id)", "step": "\(write)", "error": "\(error)"])
                outcome = MoveWriteOutcome(of: error)
            }
            eventLoop.execute {
                guard self.instance == instance else { return }
                self.logger.info(
                    "a step of a hand-off", metadata: ["move": "\(id)", "step": "\(write)", "outcome": "\(outcome)"])
                let before = seat.duty.activeMove
                self.tell(seat) { $0.answered(id, write, outcome, now: monotonicNow()) }
                self.progress(seat)
                if let row = outcome.row { self.noteEnds(seat, before, row) }
            }
        }
    }
}

extension MoveWriteOutcome {
    fileprivate var row: ShardMove? {
        switch self {
        case .applied(let row), .refused(let row): row
        case .fenced, .targetGone, .failed, .unknown: nil
        }
    }
}

extension MoveWrite {
    /// Where a test may end or stop this worker.
    fileprivate var failPoints: (before: FailPoint, after: FailPoint) {
        switch self {
        case .ready: (.moveBeforeReady, .moveAfterReady)
        case .seal: (.moveBeforeSeal, .moveAfterSeal)
        case .confirm: (.moveBeforeConfirm, .moveAfterConfirm)
        case .commit: (.moveBeforeCommit, .moveAfterCommit)
        case .abort: (.moveBeforeAbort, .moveAfterAbort)
        }
    }
}
