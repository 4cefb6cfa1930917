import Core

/// A move that somebody wants.
package struct WantedMove: Hashable, Sendable {
    package var plan: Int64?
    package var shard: ShardID
    package var target: WorkerInstanceID

    package init(plan: Int64? = nil, shard: ShardID, target: WorkerInstanceID) {
        self.plan = plan
        self.shard = shard
        self.target = target
    }
}

/// Carries out a list of wanted moves, a few at a time. What it does follows from what PostgreSQL says at each look, so another leader can go
/// on where this one was; it never waits, and a statement whose answer was lost is found in the rows.
package struct MoveRunner: Sendable {
    package struct Throttles: Equatable, Sendable {
        package var activeMax = 4
        package var perSourceMax = 2
        package var perTargetMax = 1
        /// Orders for one wanted move, the first included.
        package var attemptsMax = 3
        /// Before a move is ordered again. Nanoseconds.
        package var pause: UInt64 = 500_000_000

        package init() {}
    }

    /// What PostgreSQL said at one moment.
    package struct Picture: Sendable {
        /// By shard.
        package var owners: [(owner: WorkerInstanceID?, epoch: Epoch)]
        /// Instances with a lease that has not run out.
        package var living: Set<WorkerInstanceID>
        /// All active moves, and those that this runner has ordered and not seen ended.
        package var moves: [ShardMove]

        package init(owners: [(owner: WorkerInstanceID?, epoch: Epoch)], living: Set<WorkerInstanceID>, moves: [ShardMove]) {
            self.owners = owners
            self.living = living
            self.moves = moves
        }
    }

    /// An order: `order_move`.
    package struct Order: Equatable, Sendable {
        package var wanted: WantedMove
        package var source: WorkerInstanceID
        package var fromEpoch: Epoch
    }

    package enum OrderOutcome: Equatable, Sendable {
        case ordered(MoveID)
        /// `busy`, `owner_changed`, `target_gone`, or no answer: the next picture says more.
        case refused
        /// Another coordinator leads: nothing more is ordered by this one.
        case termLost
    }

    package enum Failure: Equatable, Sendable {
        case aborted(AbortReason)
        case targetGone
    }

    private enum Progress {
        case waiting(attempts: Int, notBefore: MonotonicNanoseconds)
        case ordering(attempts: Int)
        case active(MoveID, attempts: Int)
        case done
        case failed(Failure)
    }

    private var wanted: [(move: WantedMove, progress: Progress)] = []
    private let throttles: Throttles

    package init(throttles: Throttles = Throttles()) { self.throttles = throttles }

    /// Adds moves at the end of the line. A newer wish for a shard replaces one that has not begun.
    package mutating func want(_ moves: [WantedMove]) {
        for move in moves {
            wanted.removeAll { if case .waiting = $0.progress { $0.move.shard == move.shard } else { false } }
            wanted.append((move, .waiting(attempts: 0, notBefore: 0)))
        }
    }

    package var isDone: Bool {
        wanted.allSatisfy {
            switch $0.progress {
            case .done, .failed: true
            case .waiting, .ordering, .active: false
            }
        }
    }

    /// What has not succeeded, and why.
    package var failures: [(move: WantedMove, failure: Failure)] {
        wanted.compactMap { if case .failed(let failure) = $0.progress { ($0.move, failure) } else { nil } }
    }

    /// The moves whose rows the next picture must contain, ended or not.
    package var watched: [MoveID] { wanted.compactMap { if case .active(let id, _) = $0.progress { id } else { nil } } }

    /// Takes in a picture; gives the moves to order now.
    package mutating func look(_ picture: Picture, now: MonotonicNanoseconds) -> [Order] {
        for index in wanted.indices { settle(index, picture, now) }
        var active = picture.moves.filter(\.isActive).map { (shard: $0.shard, source: $0.source, target: $0.target) }
        var orders: [Order] = []
        for index in wanted.indices {
            guard active.count < throttles.activeMax else { break }
            let move = wanted[index].move
            guard case .waiting(let attempts, let notBefore) = wanted[index].progress, notBefore <= now,
                case (let source?, let epoch) = picture.owners[Int(move.shard.rawValue)], picture.living.contains(source),
                !active.contains(where: { $0.shard == move.shard }),
                active.count(where: { $0.source == source }) < throttles.perSourceMax,
                active.count(where: { $0.target == move.target }) < throttles.perTargetMax
            else { continue }
            wanted[index].progress = .ordering(attempts: attempts + 1)
            active.append((move.shard, source, move.target))
            orders.append(Order(wanted: move, source: source, fromEpoch: epoch))
        }
        return orders
    }

    package mutating func answered(_ order: Order, _ outcome: OrderOutcome, now: MonotonicNanoseconds) {
        guard
            let index = wanted.firstIndex(where: {
                if case .ordering = $0.progress { $0.move == order.wanted } else { false }
            }), case .ordering(let attempts) = wanted[index].progress
        else { return }
        switch outcome {
        case .ordered(let id): wanted[index].progress = .active(id, attempts: attempts)
        // It may be active all the same, if the answer was lost: the picture says so.
        case .refused: wanted[index].progress = .waiting(attempts: attempts - 1, notBefore: now + throttles.pause)
        case .termLost: wanted = []
        }
    }

    private mutating func settle(_ index: Int, _ picture: Picture, _ now: MonotonicNanoseconds) {
        let move = wanted[index].move
        switch wanted[index].progress {
        case .waiting(let attempts, _):
            if picture.owners[Int(move.shard.rawValue)].owner == move.target {
                wanted[index].progress = .done
            } else if let row = picture.moves.first(where: {
                $0.isActive && $0.shard == move.shard && $0.target == move.target
            }) {
                wanted[index].progress = .active(row.id, attempts: attempts + 1)
            } else if !picture.living.contains(move.target) {
                wanted[index].progress = .failed(.targetGone)
            }
        case .active(let id, let attempts):
            guard let row = picture.moves.first(where: { $0.id == id }) else { return }
            switch row.stage {
            case .committed: wanted[index].progress = .done
            case .aborted(let reason, _):
                let isWorthIt = reason.isPassing && attempts < throttles.attemptsMax
                wanted[index].progress =
                    isWorthIt ? .waiting(attempts: attempts, notBefore: now + throttles.pause) : .failed(.aborted(reason))
            case .preparing, .ready, .sealed, .confirmed: return
            }
        case .ordering, .done, .failed: return
        }
    }
}
