import Core
import Ownership

/// The rows, and the functions that change them; each is called at the moment of its commit. What they ask for and lock: `docs/design/handoff.md`.
final class Tables {
    private unowned let cluster: Cluster
    private(set) var shards: [ShardRow]
    private(set) var moves: [ShardMove] = []
    private(set) var moveDeadlines: [UInt64] = []
    private(set) var leases: [WorkerInstanceID: LeaseRow] = [:]
    private(set) var rebalance = RebalanceModel(throttles: Tables.throttles)
    private var lastInstance: Int64 = 0
    private(set) var topologyVersion = 0
    private(set) var term = 0
    private var leaderUntil: UInt64 = 0
    private var leader = -1
    /// By the caller's key: the change it made.
    private(set) var writes: [Int: (shard: Int, sequence: ChangeSequence)] = [:]
    private(set) var transactions: [TransactionRow] = []
    private(set) var transactionKeys: [Int: Int] = [:]
    private var affiliates = 0

    init(_ cluster: Cluster) {
        self.cluster = cluster
        shards = Array(repeating: ShardRow(), count: cluster.scenario.shards)
        for shard in shards.indices {
            for _ in 0..<3 { shards[shard].states[0].all |= nextBit() ?? 0 }
            shards[shard].states[0].active = shards[shard].states[0].all
        }
    }

    private static var throttles: RebalanceModel.Throttles {
        var throttles = RebalanceModel.Throttles()
        // Everything here is faster than it is.
        throttles.retry = milliseconds(40)
        return throttles
    }

    private var clock: UInt64 { cluster.database.clock }
    private func breaks(_ rule: BrokenRule) -> Bool { cluster.scenario.brokenRule == rule }

    private func nextBit() -> UInt64? {
        guard affiliates < 64 else { return nil }
        affiliates += 1
        return 1 << UInt64(affiliates - 1)
    }

    // MARK: Leases

    func register(_ worker: Int) -> WorkerInstanceID {
        lastInstance += 1
        let instance = WorkerInstanceID(lastInstance)
        leases[instance] = LeaseRow(worker: worker, expiresAt: clock + milliseconds(Scenario.leaseMilliseconds))
        return instance
    }

    func renew(_ instance: WorkerInstanceID) -> Bool {
        guard leases[instance] != nil else { return false }
        leases[instance]?.expiresAt = clock + milliseconds(Scenario.leaseMilliseconds)
        return true
    }

    func isLiving(_ instance: WorkerInstanceID) -> Bool { leases[instance].map { $0.expiresAt > clock } ?? false }

    func lead(_ coordinator: Int, _ known: Int?) -> Int? {
        let until = clock + milliseconds(Scenario.leaseMilliseconds)
        if let known, known == term, leader == coordinator {
            leaderUntil = until
            return known
        }
        guard leaderUntil <= clock else { return nil }
        term += 1
        leader = coordinator
        leaderUntil = until
        return term
    }

    private func isTerm(_ wanted: Int) -> Bool { wanted == term || breaks(.termNotChecked) }

    /// Those whose lease has run out and was not taken away.
    var expired: Set<WorkerInstanceID> { Set(leases.filter { $0.value.expiresAt <= clock }.keys) }

    /// Takes away the leases that have run out; false: the term is over.
    func releaseDead(among suspects: Set<WorkerInstanceID>, term: Int) -> Bool {
        guard isTerm(term) else { return false }
        cluster.checks.coordinatorWrote(term: term, self.term)
        let dead = leases.filter { suspects.contains($0.key) && $0.value.expiresAt <= clock }.keys.sorted()
        guard !dead.isEmpty else { return true }
        take(dead)
        return true
    }

    /// A worker gives its lease back.
    func release(_ instance: WorkerInstanceID) { if leases[instance] != nil { take([instance]) } }

    private func take(_ dead: [WorkerInstanceID]) {
        for instance in dead {
            cluster.trace("the lease of \(instance) is over")
            leases[instance] = nil
        }
        for shard in shards.indices where shards[shard].owner.map(dead.contains) ?? false {
            shards[shard].owner = nil
            abortActive(.sourceLost) { Int($0.shard.rawValue) == shard }
        }
        abortActive(.targetLost) { dead.contains($0.target) }
        topologyVersion += 1
    }

    func assign(_ wanted: [(shard: ShardID, worker: WorkerInstanceID)], term: Int) -> Bool {
        guard isTerm(term) else { return false }
        cluster.checks.coordinatorWrote(term: term, self.term)
        guard wanted.allSatisfy({ isLiving($0.worker) && shards[Int($0.shard.rawValue)].owner == nil }) else { return true }
        for (shard, worker) in wanted { give(Int(shard.rawValue), to: worker) }
        topologyVersion += 1
        return true
    }

    private func give(_ shard: Int, to worker: WorkerInstanceID) {
        if !breaks(.epochNotRaised) { shards[shard].epoch = Epoch(shards[shard].epoch.rawValue + 1) }
        shards[shard].owner = worker
        cluster.trace("shard \(shard) is \(worker)'s at \(shards[shard].epoch)")
        cluster.checks.owns(worker, shard, shards[shard].epoch)
    }

    // MARK: Moves

    /// What a call that decides about a plan sees.
    var picture: RebalanceModel.Picture {
        .init(
            owners: shards.map { ($0.owner, $0.epoch) }, living: Set(leases.keys.filter(isLiving)), moves: moves)
    }

    /// A person has a plan carried out; nothing happens while another is under way.
    func apply(_ plan: [PlannedMove]) {
        if rebalance.apply(plan) { cluster.trace("a plan of \(plan.count) moves is applied") }
    }

    /// A person pauses the plan, goes on with it, or gives it up.
    func steer(_ action: (inout RebalanceModel) -> Void) { action(&rebalance) }

    /// The shard whose move comes next, as far as can be told before the call.
    var nextToOrder: ShardID? { rebalance.candidate(picture, now: clock)?.shard }

    /// One step of the plan that is under way; nil: the term is over.
    func advanceRebalance(term: Int) -> RebalanceModel.Step? {
        guard isTerm(term) else { return nil }
        cluster.checks.coordinatorWrote(term: term, self.term)
        return rebalance.advance(picture, now: clock, order: order)
    }

    private func order(_ planned: PlannedMove) -> RebalanceModel.OrderOutcome {
        let row = shards[Int(planned.shard.rawValue)]
        guard isLiving(planned.target) else { return .targetGone }
        guard row.owner == planned.source, row.epoch == planned.fromEpoch else { return .ownerChanged }
        guard !moves.contains(where: { $0.isActive && $0.shard == planned.shard }) else { return .busy }
        let move = ShardMove(
            id: MoveID(Int64(moves.count)), shard: planned.shard, source: planned.source, target: planned.target,
            fromEpoch: planned.fromEpoch, limits: .init(lagMax: 4, writeHoldMax: milliseconds(400)))
        moves.append(move)
        moveDeadlines.append(clock + milliseconds(5000))
        cluster.trace("move \(move.id): shard \(move.shard) from \(move.source) to \(move.target) is ordered")
        return .ordered(move.id)
    }

    func write(_ id: MoveID, by instance: WorkerInstanceID, _ write: MoveWrite) -> MoveWriteOutcome {
        let index = Int(id.rawValue)
        let move = moves[index]
        let stage: ShardMove.Stage
        switch (write, move.stage) {
        case (.ready, .preparing) where move.target == instance: stage = .ready
        case (.seal(let seal), .ready) where move.source == instance: stage = .sealed(seal)
        case (.seal(let seal), .sealed(let older)) where move.source == instance && older.finalSequence < seal.finalSequence:
            stage = .sealed(seal)
        case (.confirm(let seal), .sealed(let sealed)) where move.target == instance && sealed == seal: stage = .confirmed(seal)
        case (.abort(let reason), _) where move.isActive: stage = .aborted(reason, warm: move.stage != .preparing)
        case (.commit, _): return commit(index, by: instance)
        default: return .refused(move)
        }
        return .applied(set(index, stage))
    }

    private func commit(_ index: Int, by instance: WorkerInstanceID) -> MoveWriteOutcome {
        let move = moves[index]
        let shard = Int(move.shard.rawValue)
        guard isLiving(move.target) else { return .targetGone }
        guard shards[shard].owner == instance, shards[shard].epoch == move.fromEpoch else { return .fenced }
        guard case .confirmed(let seal) = move.stage else { return .refused(move) }
        give(shard, to: move.target)
        topologyVersion += 1
        cluster.checks.movesCommitted += 1
        return .applied(set(index, .committed(seal, at: shards[shard].last)))
    }

    private func set(_ index: Int, _ stage: ShardMove.Stage) -> ShardMove {
        moves[index].stage = stage
        cluster.trace("move \(index): \(stage)")
        return moves[index]
    }

    func abortActive(_ reason: AbortReason, where isConcerned: (ShardMove) -> Bool) {
        for index in moves.indices where moves[index].isActive && isConcerned(moves[index]) {
            _ = set(index, .aborted(reason, warm: moves[index].stage != .preparing))
        }
    }

    func abortOverdue(term: Int) {
        guard isTerm(term) else { return }
        abortActive(.moveDeadline) { self.moveDeadlines[Int($0.id.rawValue)] <= self.clock }
    }

    // MARK: Changes

    enum WriteOutcome {
        case done(ChangeSequence, Change)
        case fenced
        /// There is nothing to change, or no room.
        case refused
    }

    private func holdsFence(_ shard: Int, _ owner: WorkerInstanceID, _ epoch: Epoch) -> Bool {
        breaks(.writesWithoutFence) || (shards[shard].owner == owner && shards[shard].epoch == epoch)
    }

    func change(_ shard: Int, _ kind: WriteKind, key: Int, owner: WorkerInstanceID, epoch: Epoch) -> WriteOutcome {
        guard holdsFence(shard, owner, epoch) else { return .fenced }
        cluster.checks.committed(by: owner, shard, epoch, shards[shard])
        if let known = writes[key] { return known.shard == shard ? done(shard, known.sequence) : .refused }
        switch kind {
        case .join:
            guard let bit = nextBit() else { return .refused }
            append(.joined(bit), to: shard, key)
        case .status(let bit, let isActive):
            guard shards[shard].members.all & bit != 0 else { return .refused }
            append(.status(bit, isActive), to: shard, key)
        case .move(let wanted, let target):
            let bits = wanted & shards[shard].members.all
            guard bits != 0, bits != shards[shard].members.all else { return .refused }
            let active = bits & shards[shard].members.active
            append(.left(bits), to: shard, key)
            append(.arrived(bits, active: active), to: target, 0)
        }
        writes[key] = (shard, shards[shard].last)
        return done(shard, shards[shard].last)
    }

    private func done(_ shard: Int, _ sequence: ChangeSequence) -> WriteOutcome {
        .done(sequence, shards[shard].changes[Int(sequence) - 1])
    }

    private func append(_ what: Change.What, to shard: Int, _ key: Int) {
        let change = Change(what: what, key: key)
        var members = shards[shard].members
        members.apply(change)
        shards[shard].changes.append(change)
        shards[shard].states.append(members)
    }

    // MARK: Transactions

    struct NewTransaction {
        var key: Int
        var upline: UInt64
        var applied: ChangeSequence
        var floor: ChangeSequence
    }

    /// Accepts all that is new of a group; nil: fenced. Returns the rows' numbers.
    func accept(_ group: [NewTransaction], _ shard: Int, owner: WorkerInstanceID, epoch: Epoch) -> [Int]? {
        guard holdsFence(shard, owner, epoch) else { return nil }
        cluster.checks.committed(by: owner, shard, epoch, shards[shard])
        return group.map { new in
            if let known = transactionKeys[new.key] { return known }
            cluster.checks.accepted(new, shard)
            transactions.append(
                TransactionRow(key: new.key, shard: shard, upline: new.upline, acceptedAt: cluster.timeline.now))
            transactionKeys[new.key] = transactions.count - 1
            return transactions.count - 1
        }
    }

    /// Pays what is not paid; false: fenced.
    func pay(_ numbers: [Int], _ shard: Int, owner: WorkerInstanceID, epoch: Epoch) -> Bool {
        guard holdsFence(shard, owner, epoch) else { return false }
        cluster.checks.committed(by: owner, shard, epoch, shards[shard])
        for number in numbers where !transactions[number].isProcessed {
            transactions[number].isProcessed = true
            transactions[number].payments.append(transactions[number].upline.nonzeroBitCount)
        }
        return true
    }

    func unpaid(_ shard: Int, before moment: VirtualTime) -> [Int] {
        transactions.indices.filter {
            transactions[$0].shard == shard && !transactions[$0].isProcessed && transactions[$0].acceptedAt < moment
        }
    }
}
