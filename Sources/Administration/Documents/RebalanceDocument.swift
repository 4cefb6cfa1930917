import Core
import Placement
import Store

/// A plan of a rebalance as `--json` prints it and PostgreSQL keeps it. Shares and imbalances are in basis points, 1/10,000.
package struct RebalanceDocument: Codable, Sendable {
    package struct Move: Codable, Sendable {
        package let position: Int
        package let shard: Int
        package let from: String
        package let to: String
        package let fromInstance: Int64
        package let toInstance: Int64
        package let fromEpoch: Int64
        package let reason: String
        package let weight: Int64
        package let affiliates: Int64
        /// Since it is kept: planned, moving, done, failed, skipped.
        package var state: String?
        package var failure: String?
    }

    /// How many moves are in which state.
    package struct Counts: Codable, Sendable {
        package var planned: Int64 = 0
        package var moving: Int64 = 0
        package var done: Int64 = 0
        package var failed: Int64 = 0
        package var skipped: Int64 = 0
    }

    package struct Throttles: Codable, Sendable {
        package let movesAtOnce: Int64
        package let movesPerSource: Int64
        package let movesPerTarget: Int64
        package let lagChangesMax: Int64
        package let holdMillisecondsMax: Int64
        /// Nil: no limit.
        package let p99MicrosecondsMax: Int64?
    }

    package struct Worker: Codable, Sendable {
        package let workerId: String
        package let instance: Int64
        package let standing: String
        package let capacity: Int64
        package let shardsBefore: Int
        package let shardsAfter: Int
        package let weightBefore: Int64
        package let weightAfter: Int64
        package let shareBefore: Int64
        package let shareAfter: Int64
        package let limit: Int64?
    }

    package struct Cut: Codable, Sendable {
        package struct Piece: Codable, Sendable {
            package let affiliateId: Int64
            /// Nil: a whole tree.
            package let sponsorId: Int64?
            package let weight: Int64
        }

        package let balances: Bool
        package let imbalanceAfter: Int64
        package let pieces: [Piece]
        package let rest: Int64
    }

    package struct Obstacle: Codable, Sendable {
        package let shard: Int
        package let workerId: String
        package let weight: Int64
        package let fairShare: Int64
        package let isGiant: Bool
        package let cut: Cut?
    }

    /// Nil: it is not kept.
    package var plan: Int64?
    package var state: String
    package var stateReason: String?
    /// When it came into its state, and by whom; these and what follows nil while it is not kept.
    package var stateAt: String?
    package var stateBy: String?
    /// Why no move begins at the moment.
    package var waitsBecause: String?
    package var counts: Counts?
    /// What the answer to a change has to say beside the plan; not kept.
    package var remark: String?
    /// Nil until it is applied.
    package var throttles: Throttles?
    package let weight: String
    package let threshold: Int64
    package let maxMoves: Int?
    package let drain: [String]
    package var moves: [Move]
    /// What all moves together load.
    package let affiliatesMoved: Int64
    package let workers: [Worker]
    package let imbalanceBefore: Int64
    package let imbalanceAfter: Int64
    /// Whether every open worker is within the threshold then, as far as whole shards allow.
    package let isBalancedAfter: Bool
    /// More moves would help than the plan may have.
    package let isCutShort: Bool
    package let obstacles: [Obstacle]
}

extension RebalanceDocument {
    init(_ planning: RebalancePlanning) {
        let plan = planning.plan
        let names = Dictionary(uniqueKeysWithValues: planning.workers.map { ($0.instance, $0.registration.name) })
        func name(_ instance: WorkerInstanceID) -> String { names[instance] ?? String(instance.rawValue) }
        let epochs = Dictionary(uniqueKeysWithValues: planning.shards.map { ($0.shard, $0.epoch.rawValue) })
        let open = plan.workers.filter { $0.standing == .open }
        let room = open.reduce(Int128(0)) { $0 + Int128($1.capacity) }
        let total = plan.workers.filter { $0.standing != .cordoned }.reduce(Int128(0)) { $0 + Int128($1.weightBefore) }
        /// Of the mean for its capacity.
        func share(_ weight: Int64, _ worker: RebalancePlan.Worker) -> Int64 {
            total == 0 ? 0 : Int64(clamping: Int128(weight) * room * 10_000 / (total * Int128(worker.capacity)))
        }
        self.init(
            plan: nil, state: StoredRebalancePlan.State.planned.rawValue, stateReason: nil,
            weight: planning.question.weight.rawValue,
            threshold: planning.question.limits.threshold, maxMoves: planning.question.limits.movesMax,
            drain: planning.question.drained.sorted(),
            moves: plan.moves.enumerated().map { index, move in
                Move(
                    position: index + 1, shard: Int(move.shard.rawValue), from: name(move.from), to: name(move.to),
                    fromInstance: move.from.rawValue, toInstance: move.to.rawValue, fromEpoch: epochs[move.shard] ?? 0,
                    reason: move.reason.rawValue, weight: move.weight, affiliates: move.affiliates, state: nil, failure: nil)
            },
            affiliatesMoved: plan.moves.reduce(0) { $0 + $1.affiliates },
            workers: plan.workers.map { worker in
                Worker(
                    workerId: name(worker.instance), instance: worker.instance.rawValue, standing: worker.standing.rawValue,
                    capacity: worker.capacity, shardsBefore: worker.shardsBefore, shardsAfter: worker.shardsAfter,
                    weightBefore: worker.weightBefore, weightAfter: worker.weightAfter,
                    shareBefore: share(worker.weightBefore, worker), shareAfter: share(worker.weightAfter, worker),
                    limit: worker.limit)
            },
            imbalanceBefore: plan.imbalanceBefore, imbalanceAfter: plan.imbalanceAfter, isBalancedAfter: plan.isWithinLimits,
            isCutShort: plan.isCutShort,
            obstacles: plan.obstacles.map { obstacle in
                Obstacle(
                    shard: Int(obstacle.shard.rawValue), workerId: name(obstacle.worker), weight: obstacle.weight,
                    fairShare: obstacle.fairShare, isGiant: obstacle.isGiant,
                    cut: planning.cuts.first { $0.shard == obstacle.shard }.map(Cut.init))
            })
    }

    /// - Throws: `internalError` when what is kept is no plan of this binary.
    init(stored: StoredRebalancePlan) throws(AdministrationFault) {
        do { self = try DocumentJSON.read(Self.self, from: Array(stored.document.utf8)) } catch {
            throw AdministrationFault(.internalError, "plan \(stored.number) cannot be read: \(error)")
        }
        plan = stored.number
        state = stored.state.rawValue
        stateReason = stored.stateReason
        stateAt = MomentText.of(microseconds: stored.stateAtMicroseconds)
        stateBy = stored.stateBy
        waitsBecause = stored.waitsBecause
        counts = Counts(stored.moves)
        throttles = stored.throttles.map {
            Throttles(
                movesAtOnce: $0.movesAtOnce, movesPerSource: $0.movesPerSource, movesPerTarget: $0.movesPerTarget,
                lagChangesMax: $0.lagChangesMax, holdMillisecondsMax: $0.holdMillisecondsMax,
                p99MicrosecondsMax: $0.p99MicrosecondsMax)
        }
    }

    /// How far each move is.
    mutating func take(_ stored: [StoredRebalanceMove]) {
        for move in stored {
            guard let index = moves.firstIndex(where: { $0.position == Int(move.position) }) else { continue }
            moves[index].state = move.state.rawValue
            moves[index].failure = move.failure
        }
    }
}

extension RebalanceDocument.Counts {
    init(_ moves: [StoredRebalanceMove.State: Int64]) {
        self.init(
            planned: moves[.planned] ?? 0, moving: moves[.moving] ?? 0, done: moves[.done] ?? 0, failed: moves[.failed] ?? 0,
            skipped: moves[.skipped] ?? 0)
    }
}

extension RebalanceDocument.Cut {
    init(_ proposal: CutProposal) {
        self.init(
            balances: proposal.balances, imbalanceAfter: proposal.imbalanceAfter,
            pieces: proposal.cut.pieces.map {
                Piece(affiliateId: $0.node.rawValue, sponsorId: $0.sponsor?.rawValue, weight: $0.weight)
            }, rest: proposal.cut.rest)
    }
}
