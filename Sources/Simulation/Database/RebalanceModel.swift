import Core
import Ownership

/// A move of a plan: a row of `rebalance_move`.
struct PlannedMove: Equatable, Sendable {
    let shard: ShardID
    let source: WorkerInstanceID
    let target: WorkerInstanceID
    let fromEpoch: Epoch
}

/// The plan that is under way, and what `advance_rebalance` does with it, each call whole at one moment: the SQL function's model. That function is the
/// real thing; where the two differ, this is wrong.
///
/// Standings and the p99 are left out, since nothing here has them.
struct RebalanceModel: Sendable {
    /// As the function's arguments and the plan's columns.
    struct Throttles: Equatable, Sendable {
        var movesAtOnce = 4
        var movesPerSource = 2
        var movesPerTarget = 1
        /// Hand-offs that are begun for one move.
        var attemptsMax = 3
        /// The pause before the second; before the third it is twice as long. Nanoseconds.
        var retry: UInt64 = 5_000_000_000
    }

    enum PlanState: Equatable, Sendable { case applying, paused, done, partial, aborted }

    enum MoveState: Equatable, Sendable {
        case planned
        case moving(MoveID)
        case done
        case failed(Failure)
        case skipped
    }

    enum Failure: Equatable, Sendable {
        case aborted(AbortReason)
        case targetLost
        case ownerChanged
    }

    /// What PostgreSQL has at the moment of the call.
    struct Picture: Sendable {
        /// By shard.
        var owners: [(owner: WorkerInstanceID?, epoch: Epoch)]
        /// Instances with a lease that has not run out.
        var living: Set<WorkerInstanceID>
        /// All that are kept.
        var moves: [ShardMove]
    }

    /// What `order_move` answers.
    enum OrderOutcome: Equatable, Sendable {
        case ordered(MoveID)
        case busy
        case targetGone
        case ownerChanged
    }

    enum Step: Equatable, Sendable {
        case idle
        /// Call again.
        case ordered(MoveID)
        /// Call again.
        case progressed
        case waiting
    }

    private struct Row: Sendable {
        let move: PlannedMove
        var state = MoveState.planned
        var attempts = 0
        var notBefore: UInt64 = 0
    }

    let throttles: Throttles
    private(set) var state = PlanState.done
    private var rows: [Row] = []

    init(throttles: Throttles = Throttles()) { self.throttles = throttles }

    var isUnderWay: Bool { state == .applying || state == .paused }
    /// In their order.
    var moves: [MoveState] { rows.map(\.state) }

    private var isAnyMoving: Bool { rows.contains { if case .moving = $0.state { true } else { false } } }

    // MARK: People

    /// `apply_rebalance_plan`; false: another plan is under way, or has moves that are.
    mutating func apply(_ moves: [PlannedMove]) -> Bool {
        guard !isUnderWay, !isAnyMoving, !moves.isEmpty else { return false }
        rows = moves.map { Row(move: $0) }
        state = .applying
        return true
    }

    mutating func pause() { if state == .applying { state = .paused } }
    mutating func resume() { if state == .paused { state = .applying } }

    mutating func abort() {
        guard isUnderWay else { return }
        for index in rows.indices where rows[index].state == .planned { rows[index].state = .skipped }
        state = .aborted
    }

    // MARK: The coordinator

    /// The move that the next call would order; nil: none.
    func candidate(_ picture: Picture, now: UInt64) -> PlannedMove? {
        guard state == .applying else { return nil }
        return next(picture.moves.filter(\.isActive), now).map { rows[$0].move }
    }

    /// One call of `advance_rebalance`.
    mutating func advance(_ picture: Picture, now: UInt64, order: (PlannedMove) -> OrderOutcome) -> Step {
        guard isUnderWay || isAnyMoving else { return .idle }
        for index in rows.indices { takeDown(index, picture, now) }
        guard isUnderWay else { return .waiting }
        if !rows.contains(where: { $0.state == .planned }) && !isAnyMoving {
            state = rows.allSatisfy { $0.state == .done } ? .done : .partial
            return .progressed
        }
        guard state == .applying, let index = next(picture.moves.filter(\.isActive), now) else { return .waiting }
        switch order(rows[index].move) {
        case .ordered(let id):
            rows[index].state = .moving(id)
            rows[index].attempts += 1
            return .ordered(id)
        case .busy: return .waiting
        case .targetGone: rows[index].state = .failed(.targetLost)
        case .ownerChanged:
            let move = rows[index].move
            let isThere = picture.owners[Int(move.shard.rawValue)].owner == move.target
            rows[index].state = isThere ? .done : .failed(.ownerChanged)
        }
        return .progressed
    }

    /// How a hand-off has ended.
    private mutating func takeDown(_ index: Int, _ picture: Picture, _ now: UInt64) {
        guard case .moving(let id) = rows[index].state, let row = picture.moves.first(where: { $0.id == id }) else { return }
        switch row.stage {
        case .preparing, .ready, .sealed, .confirmed: return
        case .committed: rows[index].state = .done
        case .aborted(let reason, _):
            let isTriedAgain = reason.isPassing && rows[index].attempts < throttles.attemptsMax && isUnderWay
            rows[index].state = isTriedAgain ? .planned : .failed(.aborted(reason))
        }
        rows[index].notBefore = now + UInt64(rows[index].attempts) * throttles.retry
    }

    private func next(_ active: [ShardMove], _ now: UInt64) -> Int? {
        guard active.count < throttles.movesAtOnce else { return nil }
        return rows.firstIndex { row in
            row.state == .planned && row.notBefore <= now && !active.contains { $0.shard == row.move.shard }
                && active.count { $0.source == row.move.source } < throttles.movesPerSource
                && active.count { $0.target == row.move.target } < throttles.movesPerTarget
        }
    }
}
