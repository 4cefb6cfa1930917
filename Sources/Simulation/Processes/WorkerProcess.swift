import Core
import Ownership

/// A worker: a `LeaseKeeper` and a `ShardDuty` for each shard decide, this carries out.
final class WorkerProcess: Process {
    let number: Int
    private(set) var keeper = LeaseKeeper(timeToLiveMilliseconds: Scenario.leaseMilliseconds)
    var places: [ShardPlace] = []
    private var knownVersion = -1
    private var isLooking = false
    /// Moves that a broken rule takes for ended.
    private var forgottenMoves: Set<MoveID> = []

    init(_ cluster: Cluster, number: Int, clockRate: UInt64) {
        self.number = number
        super.init(cluster, "worker \(number)", clockRate: clockRate)
    }

    var instance: WorkerInstanceID { keeper.instance ?? WorkerInstanceID(0) }
    override var leaseInstance: WorkerInstanceID? { keeper.instance }

    var isTrusted: Bool {
        if cluster.breaks(.trustsTooLong), keeper.instance != nil {
            return localNow < keeper.window.trustedUntil + keeper.window.marginNanoseconds
        }
        return keeper.isTrusted(at: localNow)
    }

    override func started() {
        keeper = LeaseKeeper(timeToLiveMilliseconds: Scenario.leaseMilliseconds)
        forgetShards()
        let stagger = cluster.random.between(0, milliseconds(20))
        after(stagger) { [unowned self] in
            lease()
            every(milliseconds(50)) { [unowned self] in lease() }
            every(milliseconds(100)) { [unowned self] in followTopology() }
            every(milliseconds(40)) { [unowned self] in followChanges() }
            every(milliseconds(300)) { [unowned self] in sweep() }
            every(milliseconds(60)) { [unowned self] in for shard in places.indices { pay(shard) } }
            lookAtMoves(isRegular: true)
        }
    }

    override func crashed() { forgetShards() }

    private func forgetShards() {
        places = (0..<cluster.scenario.shards).map { ShardPlace(ShardDuty(ShardID($0), of: instance, limits: Self.limits)) }
        knownVersion = -1
        isLooking = false
    }

    /// Nothing is ours yet. What is being read of shards goes on from one lease to the next.
    private func beginLease() {
        for shard in places.indices {
            let generation = places[shard].duty.generation + 1
            var place = ShardPlace(ShardDuty(ShardID(shard), of: instance, generation: generation, limits: Self.limits))
            place.isLoading = places[shard].isLoading
            places[shard] = place
        }
        knownVersion = -1
        isLooking = false
    }

    static let limits: HandoffLimits = {
        var limits = HandoffLimits()
        limits.settleMax = milliseconds(1500)
        limits.warmMax = milliseconds(2000)
        return limits
    }()

    // MARK: The lease

    private func lease() {
        guard let question = keeper.tick(now: localNow) else { return }
        let started = localNow
        switch question {
        case .register:
            cluster.database.call(from: self, body: { [number] in $0.register(number) }) { [unowned self] outcome in
                guard case .value(let instance) = outcome else { return keeper.failed() }
                guard keeper.registered(instance, attemptStarted: started) else { return }
                beginLease()
                cluster.trace("\(name) is \(instance)")
            }
        case .renew(let instance):
            cluster.database.call(from: self, body: { $0.renew(instance) }) { [unowned self] outcome in
                guard case .value(let isOurs) = outcome else { return keeper.failed() }
                if isOurs {
                    keeper.renewed(instance, attemptStarted: started)
                } else if keeper.gone(instance, now: localNow) {
                    cluster.trace("\(name) finds its lease gone")
                    for shard in places.indices { perform(places[shard].duty.leaseLost(), shard) }
                    lease()
                }
            }
        }
    }

    /// Gives everything back in order, and comes back as another instance.
    func leave() {
        guard isUp, !isPaused, keeper.instance != nil, let instance = keeper.leave() else { return }
        cluster.trace("\(name) leaves")
        let owned = places.indices.filter { places[$0].duty.ownEpoch != nil }
        for shard in places.indices { perform(places[shard].duty.leaseLost(), shard) }
        cluster.database.call(
            from: self, locks: owned.map { (.shard($0), .exclusive) }, body: { $0.release(instance) }
        ) { [unowned self] _ in crash(restartAfter: milliseconds(100)) }
    }

    // MARK: What PostgreSQL says

    private func followTopology() {
        guard let instance = keeper.instance else { return }
        let transfer = cluster.strikes(.lateStatements, perMille: 50) ? cluster.random.between(0, milliseconds(200)) : 0
        cluster.database.call(
            from: self, transfer: transfer,
            body: { tables in (tables.topologyVersion, tables.shards.map { ($0.owner, $0.epoch) }) }
        ) { [unowned self] outcome in
            guard case .value(let (version, rows)) = outcome, keeper.instance == instance else { return }
            knownVersion = version
            for shard in places.indices {
                perform(places[shard].duty.topology(owner: rows[shard].0, epoch: rows[shard].1, now: localNow), shard)
                if cluster.scenario.faults.contains(.standbys) {
                    let isWanted = shard % cluster.scenario.workers == number && rows[shard].0 != instance
                    perform(places[shard].duty.standBy(isWanted), shard)
                }
            }
        }
    }

    private func followChanges() {
        guard keeper.instance != nil else { return }
        for shard in places.indices where places[shard].copy != nil && places[shard].followsUnderWay == 0 { follow(shard) }
    }

    func follow(_ shard: Int) {
        guard let copy = places[shard].copy, places[shard].followsUnderWay < 3 else { return }
        let generation = places[shard].duty.generation
        let instance = instance
        let from = Int(copy.applied)
        places[shard].followsUnderWay += 1
        cluster.database.call(
            from: self, transfer: cluster.random.between(0, milliseconds(3)),
            body: { Array($0.shards[shard].changes.dropFirst(from)) }
        ) { [unowned self] outcome in
            guard keeper.instance == instance else { return }
            places[shard].followsUnderWay -= 1
            guard case .value(let changes) = outcome, let copy = places[shard].copy, copy.applied >= from else { return }
            if cluster.strikes(.damagedCopies, perMille: 10) {
                let actions = places[shard].duty.copyLost(now: localNow)
                if actions.contains(.load) {
                    places[shard].copy = nil
                    return perform(actions, shard)
                }
                perform(actions, shard)
            }
            let last = ChangeSequence(from + changes.count)
            for change in changes.dropFirst(Int(copy.applied) - from) { apply(change, shard) }
            let applied = places[shard].copy?.applied ?? 0
            perform(
                places[shard].duty.followed(to: applied, of: max(last, applied), generation: generation, now: localNow), shard)
            settleJob(shard)
        }
    }

    private func apply(_ change: Change, _ shard: Int) {
        places[shard].copy?.members.apply(change)
        places[shard].copy?.applied += 1
    }

    /// Applies our own committed change, or follows if others have come before it.
    func committed(_ change: Change?, at sequence: ChangeSequence, _ shard: Int) {
        if let change, places[shard].copy?.applied == sequence - 1 { apply(change, shard) }
        settleJob(shard)
        if places[shard].job != nil { follow(shard) }
    }

    private func load(_ shard: Int) {
        // One that goes on is taken up, for whatever it was begun.
        guard !places[shard].isLoading else { return }
        places[shard].isLoading = true
        let generation = places[shard].duty.generation
        let isFailing = cluster.strikes(.lostAnswers, perMille: 20)
        // A large shard takes its time.
        let longest = cluster.strikes(.slowStatements, perMille: 300) ? 1500 : 60
        let transfer = cluster.random.between(milliseconds(1), milliseconds(longest))
        cluster.database.call(
            from: self, transfer: transfer, patience: milliseconds(3000), body: { $0.shards[shard] }
        ) { [unowned self] outcome in
            places[shard].isLoading = false
            let believed = cluster.breaks(.olderLoadsAccepted) ? places[shard].duty.generation : generation
            guard places[shard].duty.wantsLoad(of: believed) else { return }
            guard case .value(let row) = outcome, !isFailing else {
                return perform(places[shard].duty.loadFailed(now: localNow), shard)
            }
            places[shard].copy = Copy(applied: row.last, members: row.members)
            perform(places[shard].duty.loaded(at: row.last, of: believed, now: localNow), shard)
        }
    }

    // MARK: Moves

    /// Somebody has been told to come here for a shard whose move goes on.
    func lookAtOnce() { lookAtMoves(isRegular: false) }

    private func lookAtMoves(isRegular: Bool) {
        let isActive = places.contains { $0.duty.activeMove != nil }
        if isRegular {
            after(isActive ? milliseconds(5) : milliseconds(50)) { [unowned self] in lookAtMoves(isRegular: true) }
        }
        if isActive {
            for shard in places.indices { perform(places[shard].duty.tick(now: localNow), shard) }
        } else if isRegular {
            for shard in places.indices { perform(places[shard].duty.tick(now: localNow), shard) }
        }
        guard let instance = keeper.instance, !isLooking else { return }
        isLooking = true
        let known = places.compactMap(\.duty.activeMove)
        cluster.database.call(from: self, patience: milliseconds(200)) { tables in
            tables.moves.filter {
                ($0.isActive && ($0.source == instance || $0.target == instance)) || known.contains($0.id)
            }
        } then: { [unowned self] outcome in
            isLooking = false
            guard case .value(let rows) = outcome, keeper.instance == instance else { return }
            for row in rows { see(row) }
        }
    }

    private func see(_ row: ShardMove) {
        guard !forgottenMoves.contains(row.id) else { return }
        var row = row
        if cluster.breaks(.commitSequenceIgnored), case .committed(let seal, _) = row.stage {
            row.stage = .committed(seal, at: 0)
        }
        let shard = Int(row.shard.rawValue)
        perform(places[shard].duty.seen(row, now: localNow), shard)
    }

    private func write(_ id: MoveID, _ write: MoveWrite, _ shard: Int) {
        let instance = instance
        let isLie = cluster.breaks(.unknownResolvedByReading) && write == .abort(.outcomeUnknown)
        cluster.database.call(
            from: self, locks: write == .commit ? [(.shard(shard), .exclusive)] : [],
            lockPatience: write == .commit ? milliseconds(150) : nil,
            body: { tables in
                if isLie, case .confirmed = tables.moves[Int(id.rawValue)].stage {
                    var row = tables.moves[Int(id.rawValue)]
                    row.stage = .aborted(.outcomeUnknown, warm: true)
                    return .applied(row)
                }
                return tables.write(id, by: instance, write)
            }
        ) { [unowned self] (outcome: Outcome<MoveWriteOutcome>) in
            guard keeper.instance == instance else { return }
            let answer: MoveWriteOutcome =
                switch outcome {
                case .value(let value): value
                case .failed: .failed
                case .unknown: .unknown
                }
            if isLie { forgottenMoves.insert(id) }
            perform(places[shard].duty.answered(id, write, answer, now: localNow), shard)
        }
    }

    private func measure(_ shard: Int, _ sequence: ChangeSequence) {
        let instance = instance
        if places[shard].duty.isFollowing, cluster.strikes(.damagedCopies, perMille: 300) {
            places[shard].copy?.members.all ^= 1 << 63
        }
        after(cluster.random.between(microseconds(50), milliseconds(2))) { [unowned self] in
            guard keeper.instance == instance, let copy = places[shard].copy, copy.applied == sequence else { return }
            perform(places[shard].duty.measured(seal(copy, shard), now: localNow), shard)
        }
    }

    private func seal(_ copy: Copy, _ shard: Int) -> Seal {
        var checksum = copy.members.checksum
        if cluster.breaks(.confirmsWithoutComparing) { checksum = 0 }
        return Seal(finalSequence: copy.applied, checksum: checksum)
    }

    /// Tells the duty what it waits for.
    func checkQuiet(_ shard: Int) {
        if places[shard].waitsForWide, !(places[shard].job?.isWide ?? false) {
            places[shard].waitsForWide = false
            perform(places[shard].duty.wideEnded(now: localNow), shard)
        }
        if places[shard].waitsForQuiet, places[shard].isQuiet, let copy = places[shard].copy {
            places[shard].waitsForQuiet = false
            perform(places[shard].duty.measured(seal(copy, shard), now: localNow), shard)
        }
    }

    // MARK: Actions

    func perform(_ actions: [ShardDuty.Action], _ shard: Int) {
        let boot = boot
        for action in actions {
            guard isUp, boot == self.boot else { return }
            perform(action, shard)
        }
        if !actions.isEmpty { cluster.entered(places[shard].duty.stateName, self) }
    }

    private func perform(_ action: ShardDuty.Action, _ shard: Int) {
        cluster.trace("\(name) shard \(shard): \(action)")
        switch action {
        case .load: load(shard)
        case .follow: follow(shard)
        case .measure(let sequence): measure(shard, sequence)
        case .holdWideWrites:
            places[shard].waitsForWide = true
            checkQuiet(shard)
        case .holdWrites:
            places[shard].waitsForQuiet = true
            checkQuiet(shard)
        case .stopReads: break
        case .resumeReads: answerHeld(shard)
        case .resumeWrites: resume(shard)
        case .write(let id, let write): self.write(id, write, shard)
        case .serve(let epoch):
            cluster.redis.serve(shard, instance, epoch, from: self)
            resume(shard)
        case .drop:
            places[shard].copy = nil
            if cluster.breaks(.givenUpEpochsForgotten) {
                let generation = places[shard].duty.generation
                places[shard].duty = ShardDuty(ShardID(shard), of: instance, generation: generation, limits: Self.limits)
            }
            resume(shard)
        }
    }

    private func resume(_ shard: Int) {
        places[shard].waitsForWide = false
        places[shard].waitsForQuiet = false
        answerHeld(shard)
        settleJob(shard)
        pump(shard)
        takeIn(shard)
        pay(shard)
    }
}

extension ShardDuty {
    var isFollowing: Bool { if case .following = state { true } else { false } }

    /// For faults that strike in a certain state, and for the trace.
    var stateName: String {
        switch state {
        case .idle: "idle"
        case .loading: "loading"
        case .refreshing: "refreshing"
        case .serving: "serving"
        case .warm: "warm"
        case .following(let target): "target \(target.move.stage.name)"
        case .handingOff(_, let source):
            switch source.state {
            case .watching: "watching"
            case .settling: "settling"
            case .holding: "holding"
            case .sealing: "sealing"
            case .sealed: "sealed"
            case .committing: "committing"
            case .resolving: "resolving"
            case .aborting: "aborting"
            case .ended: "ended"
            }
        }
    }
}
