import Core
import Logging
import NIOCore
import Ownership
import PostgresClient
import Store

/// When the rows of hand-offs are looked at.
struct MoveLooks {
    /// Until the next look.
    var timer: Scheduled<Void>?
    var isLooking = false
    /// Something has happened since the look that is going on began.
    var mustLookAgain = false

    static let activeMilliseconds: Int64 = 5
    static let idleMilliseconds: Int64 = 100
}

extension ShardSteward {
    private var isActive: Bool { loop.seats.contains { $0.duty.activeMove != nil } }

    /// Looks again and again: soon where a move goes on, seldom else.
    func scheduleLook() {
        let pause = isActive ? MoveLooks.activeMilliseconds : MoveLooks.idleMilliseconds
        looks.timer = loop.eventLoop.scheduleTask(in: .milliseconds(pause)) {
            self.tick()
            if !self.looks.isLooking { self.look() }
            self.scheduleLook()
        }
    }

    /// For the end of the worker.
    func stopLooking() { looks.timer?.cancel() }

    /// Somebody has been sent here for a shard whose move goes on.
    func lookAtMoves() {
        guard !looks.isLooking else { return looks.mustLookAgain = true }
        look()
    }

    /// Time passes.
    private func tick() {
        let now = monotonicNow()
        for seat in loop.seats {
            // Said again until it can be done: a copy may fail to load, or a hand-off may be in the way.
            if seat.standsBy != seat.isStandingBy { tell(seat) { $0.standBy(seat.standsBy) } }
            guard seat.isUnsettled else { continue }
            tell(seat) { $0.tick(now: now) }
            guard seat.duty.activeMove != nil else { continue }
            for job in seat.copy?.takeExpired(now) ?? [] { job.reply?.refuse(.deadlineExceeded) }
            progress(seat)
        }
    }

    private func look() {
        guard let instance else { return }
        looks.isLooking = true
        looks.mustLookAgain = false
        let known = loop.seats.compactMap(\.duty.activeMove)
        let pool = pools.follow
        let eventLoop = loop.eventLoop
        Task {
            var rows: [ShardMove] = []
            do {
                rows = try await pool.withConnection {
                    try ShardMoveQueries.moves(
                        of: instance, and: known, on: $0, timeoutMilliseconds: DatabasePatience.pollMilliseconds)
                }
            } catch {
                logger.debug("the rows of hand-offs could not be read", metadata: ["error": "\(error)"])
            }
            eventLoop.execute { [rows] in
                self.looks.isLooking = false
                guard self.instance == instance else { return }
                for row in rows { self.see(row) }
                if self.looks.mustLookAgain { self.look() }
            }
        }
    }

    private func see(_ row: ShardMove) {
        let seat = loop.seat(row.shard)
        let before = seat.duty.activeMove
        tell(seat) { $0.seen(row, now: monotonicNow()) }
        progress(seat)
        noteEnds(seat, before, row)
        // From now on soon.
        if before == nil, seat.duty.activeMove != nil {
            looks.timer?.cancel()
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
