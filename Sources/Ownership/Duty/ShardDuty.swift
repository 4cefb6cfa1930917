import Core

/// What one worker has to do with one shard: serve it, hand it off, follow it to take it over, or nothing.
///
/// One value a shard and boot of a worker. It knows nothing of the lease: whoever answers asks the `TrustWindow` first. Pure: events come in,
/// actions go out in the order in which they have to be carried out, time is an argument.
package struct ShardDuty: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// Note `generation`, read the whole shard from PostgreSQL, and call `loaded` or `loadFailed`.
        case load
        /// Note `generation`, read what has been committed, at least up to this change, apply it and call `followed` or `copyLost`.
        case follow(to: ChangeSequence)
        /// Measure the copy if it is at exactly this change; call `measured`.
        case measure(ChangeSequence)
        /// Begin no wide write; call `wideEnded` once none is going on.
        case holdWideWrites
        /// Begin no write, pause payments and intake; once what was begun has ended, call `measured` with what the memory is.
        case holdWrites
        /// Answer no read from this moment on.
        case stopReads
        /// Reads, also those that waited.
        case resumeReads
        /// Writes, wide ones, payments and intake, also those that waited.
        case resumeWrites
        /// Change the move's row; call `answered`.
        case write(MoveID, MoveWrite)
        /// The memory is current and the shard ours: answer, write and pay from now on; nothing is held any more.
        case serve(Epoch)
        /// Nothing of the shard is ours: its memory goes, and what waits is answered as `read` and `write` say now.
        case drop
    }

    package enum State: Equatable, Sendable {
        case idle
        /// Ours, and being read from PostgreSQL.
        case loading(Epoch)
        /// Ours, with a copy that has to be brought up to date first.
        case refreshing(Epoch)
        case serving(Epoch)
        case handingOff(Epoch, HandoffSource)
        case following(HandoffTarget)
        /// Not ours: a copy that follows, so that it can be taken up quickly. `until` nil: a standby.
        case warm(applied: ChangeSequence?, until: MonotonicNanoseconds?)
    }

    /// What a request gets.
    package enum Answer: Equatable, Sendable {
        /// Carry it out, at this epoch.
        case serve(Epoch)
        /// Keep it until `resumeReads`, `resumeWrites` or `drop`.
        case hold
        /// Somebody else serves the shard, at this epoch or a later one.
        case moved(to: WorkerInstanceID, Epoch)
        /// The shard is, or may be, ours in a moment.
        case notYet
        /// Ours, and not loaded.
        case loading
        case notOwner
    }

    package let shard: ShardID
    package let instance: WorkerInstanceID
    package private(set) var state = State.idle
    /// The highest epoch of which this worker knows that it is not its own, or not any more. It takes up nothing at this epoch or before.
    package private(set) var epochGivenUp = Epoch(0)
    /// Who serves the shard, as far as we know; kept after a hand-off to tell others.
    private var known: (owner: WorkerInstanceID, epoch: Epoch)?
    /// Of the questions about the shard's contents: what was asked in an older one does not count as current for a new epoch.
    package private(set) var generation: UInt64 = 0
    private var attempts = Attempts()
    private let limits: HandoffLimits

    /// - Parameter generation: above those of the duties that this worker had for the shard under earlier leases: what was asked then may still be
    ///   answered.
    package init(
        _ shard: ShardID, of instance: WorkerInstanceID, generation: UInt64 = 0, limits: HandoffLimits = HandoffLimits()
    ) {
        self.shard = shard
        self.instance = instance
        self.generation = generation
        self.limits = limits
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.shard == b.shard && a.instance == b.instance && a.state == b.state && a.epochGivenUp == b.epochGivenUp
            && a.known?.owner == b.known?.owner && a.known?.epoch == b.known?.epoch
    }

    // MARK: Requests

    /// What a read gets now.
    package func read() -> Answer { answer { $0.answersReads } }

    /// What a write gets now.
    /// - Parameter isWide: whether it may take seconds.
    package func write(isWide: Bool = false) -> Answer { answer { isWide ? $0.beginsWideWrites : $0.beginsWrites } }

    private func answer(_ isAllowed: (HandoffSource) -> Bool) -> Answer {
        switch state {
        case .serving(let epoch): .serve(epoch)
        case .handingOff(let epoch, let source): isAllowed(source) ? .serve(epoch) : .hold
        case .loading: .loading
        case .refreshing: .notYet
        case .following(let target) where target.isCommitted: .notYet
        case .idle, .following, .warm: known.map { .moved(to: $0.owner, $0.epoch) } ?? .notOwner
        }
    }

    // MARK: The topology

    /// PostgreSQL said at some moment that `owner` has the shard at this epoch; nil: nobody.
    package mutating func topology(owner: WorkerInstanceID?, epoch: Epoch, now: MonotonicNanoseconds) -> [Action] {
        guard owner == instance else { return elsewhere(owner, epoch) }
        guard epoch > epochGivenUp, ownEpoch.map({ epoch > $0 }) ?? true else { return [] }
        known = (instance, epoch)
        switch state {
        case .following(let target): return take(epoch, copy: target.usableCopy)
        case .warm(let applied, _): return take(epoch, copy: applied)
        case .idle: return take(epoch, copy: nil)
        // Lost and given back before we noticed: what was begun at the older epoch goes first.
        case .loading, .refreshing, .serving, .handingOff: return drop() + take(epoch, copy: nil)
        }
    }

    private mutating func elsewhere(_ owner: WorkerInstanceID?, _ epoch: Epoch) -> [Action] {
        if let own = ownEpoch {
            // Nobody has it at our own epoch only after it was taken from us; anything older is from before us.
            guard epoch >= own else { return [] }
            return retire(to: owner, epoch)
        }
        learn(owner, epoch)
        return []
    }

    private mutating func learn(_ owner: WorkerInstanceID?, _ epoch: Epoch) {
        guard epoch >= (known?.epoch ?? Epoch(0)) else { return }
        known = owner.map { ($0, epoch) }
        epochGivenUp = max(epochGivenUp, epoch)
    }

    private mutating func take(_ epoch: Epoch, copy: ChangeSequence?) -> [Action] {
        generation += 1
        guard copy != nil else {
            state = .loading(epoch)
            attempts = Attempts()
            attempts.asked()
            return [.load]
        }
        // What was committed before the epoch began is there for whoever asks from now on.
        state = .refreshing(epoch)
        return [.follow(to: 0)]
    }

    private mutating func retire(to owner: WorkerInstanceID?, _ epoch: Epoch) -> [Action] {
        let dropped = drop()
        learn(owner, epoch)
        return dropped
    }

    private mutating func drop() -> [Action] {
        if let own = ownEpoch { epochGivenUp = max(epochGivenUp, own) }
        state = .idle
        generation += 1
        return [.drop]
    }

    /// The worker's lease is gone: nothing is ours.
    package mutating func leaseLost() -> [Action] {
        known = nil
        return drop()
    }

    /// PostgreSQL has refused a write at this epoch: the shard is somebody else's, or nobody's.
    package mutating func fenced(at epoch: Epoch) -> [Action] { ownEpoch == epoch ? retire(to: nil, epoch) : [] }

    // MARK: The copy

    /// Whether what was read in this generation is still wanted; if not, it is thrown away.
    ///
    /// An older one is as good as any copy: it may have been begun for a standby, for a hand-off or under an earlier lease.
    package func wantsLoad(of generation: UInt64) -> Bool {
        guard generation <= self.generation else { return false }
        return switch state {
        case .loading, .warm(applied: nil, _): true
        case .following(let target): target.applied == nil
        case .idle, .refreshing, .serving, .handingOff, .warm: false
        }
    }

    /// The shard was read from PostgreSQL, wanted, and is now this worker's copy.
    /// - Parameter generation: in which that was begun.
    package mutating func loaded(at applied: ChangeSequence, of generation: UInt64, now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .loading(let epoch) where generation == self.generation: return serve(epoch)
        case .loading(let epoch):
            // It was begun before the shard was known to be ours, and may lack what the last owner committed in between.
            state = .refreshing(epoch)
            return [.follow(to: 0)]
        case .following(var target):
            let actions = target.loaded(at: applied, now: now)
            return went(on: target, actions, now)
        case .warm(nil, let until):
            state = .warm(applied: applied, until: until)
            return []
        default: return []
        }
    }

    package mutating func loadFailed(now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .loading: attempts.failed(now, limits)
        case .following(var target):
            let actions = target.loadFailed(now: now)
            return went(on: target, actions, now)
        case .warm(nil, nil): return drop()
        default: break
        }
        return []
    }

    /// The copy has followed up to `applied`; `last` was the shard's last change when that was asked, in this generation.
    package mutating func followed(
        to applied: ChangeSequence, of last: ChangeSequence, generation: UInt64, now: MonotonicNanoseconds
    ) -> [Action] {
        switch state {
        case .refreshing(let epoch):
            return generation == self.generation && applied >= last ? serve(epoch) : [.follow(to: last)]
        case .handingOff(let epoch, var source):
            let actions = source.followed(to: applied)
            return went(on: source, epoch, actions)
        case .following(var target):
            let actions = target.followed(to: applied, of: last, now: now)
            return went(on: target, actions, now)
        case .warm(.some, let until):
            state = .warm(applied: applied, until: until)
            return []
        default: return []
        }
    }

    /// The copy can not follow any more, or does not fit: it has to be read anew.
    package mutating func copyLost(now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .serving(let epoch), .refreshing(let epoch): return take(epoch, copy: nil)
        // What becomes of the commit is found out first; the copy will be lost then, too.
        case .handingOff(_, let source) where !source.answersReads: return []
        // The source's machine begins anew when the shard is served again, and aborts what it finds sealed.
        case .handingOff(let epoch, _): return take(epoch, copy: nil)
        case .following(var target):
            let actions = target.copyLost(now: now)
            return went(on: target, actions, now)
        case .warm(.some, let until):
            state = .warm(applied: nil, until: until)
            return [.load]
        default: return []
        }
    }

    package mutating func measured(_ seal: Seal, now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .handingOff(let epoch, var source):
            let actions = source.measured(seal, now: now)
            return went(on: source, epoch, actions)
        case .following(var target):
            let actions = target.measured(seal, now: now)
            return went(on: target, actions, now)
        default: return []
        }
    }

    // MARK: The move

    /// The row of a move from or to this worker was read.
    package mutating func seen(_ row: ShardMove, now: MonotonicNanoseconds) -> [Action] {
        if row.source == instance { return seenAsSource(row, now) }
        if row.target == instance { return seenAsTarget(row, now) }
        return []
    }

    private mutating func seenAsSource(_ row: ShardMove, _ now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .handingOff(let epoch, var source) where source.move.id == row.id:
            let actions = source.seen(row, now: now)
            return went(on: source, epoch, actions)
        case .serving(let epoch) where row.isActive && row.fromEpoch == epoch:
            var source = HandoffSource(row, limits: limits)
            let actions = source.seen(row, now: now)
            return went(on: source, epoch, actions)
        default: return []
        }
    }

    private mutating func seenAsTarget(_ row: ShardMove, _ now: MonotonicNanoseconds) -> [Action] {
        let copy: ChangeSequence?
        switch state {
        case .following(var target) where target.move.id == row.id:
            let actions = target.seen(row, now: now)
            return went(on: target, actions, now)
        case .following(let target) where target.move.id < row.id: copy = target.usableCopy
        case .idle: copy = nil
        case .warm(let applied, _): copy = applied
        default: return []
        }
        // Not a move that is over for us: the shard may have come and gone since.
        guard row.isActive, row.nextEpoch > epochGivenUp else { return [] }
        if (known?.epoch ?? Epoch(0)) < row.fromEpoch { known = (row.source, row.fromEpoch) }
        var target = HandoffTarget(row, copy: copy, limits: limits)
        let actions = target.seen(row, now: now)
        return went(on: target, actions, now)
    }

    /// The row of a move that this worker knows as active is not there any more. Rows stay long after the end of their moves, so this one has ended;
    /// how, says the shard's own row.
    /// - Parameters:
    ///   - owner: of the shard, as was read after the row was found missing: a commit that came later would find no row and change nothing.
    ///   - epoch: of the shard, read together with its owner.
    package mutating func moveGone(
        _ id: MoveID, owner: WorkerInstanceID?, epoch: Epoch, now: MonotonicNanoseconds
    ) -> [Action] {
        guard activeMove == id else { return [] }
        let before = topology(owner: owner, epoch: epoch, now: now)
        guard activeMove == id else { return before }
        switch state {
        case .handingOff(let own, var source) where owner == instance && epoch == own:
            let actions = source.rowGone()
            return before + went(on: source, own, actions)
        case .following(var target):
            target.rowGone()
            return before + went(on: target, [], now)
        default: return before
        }
    }

    /// A `write` was answered, or not.
    package mutating func answered(
        _ id: MoveID, _ write: MoveWrite, _ outcome: MoveWriteOutcome, now: MonotonicNanoseconds
    ) -> [Action] {
        switch state {
        case .handingOff(let epoch, var source) where source.move.id == id:
            let actions = source.answered(write, outcome, now: now)
            return went(on: source, epoch, actions)
        case .following(var target) where target.move.id == id:
            let actions = target.answered(write, outcome, now: now)
            return went(on: target, actions, now)
        default: return []
        }
    }

    /// No wide write is going on any more.
    package mutating func wideEnded(now: MonotonicNanoseconds) -> [Action] {
        guard case .handingOff(let epoch, var source) = state else { return [] }
        let actions = source.wideEnded(now: now)
        return went(on: source, epoch, actions)
    }

    /// Time passes.
    package mutating func tick(now: MonotonicNanoseconds) -> [Action] {
        switch state {
        case .handingOff(let epoch, var source):
            let actions = source.tick(now: now)
            return went(on: source, epoch, actions)
        case .following(var target):
            let actions = target.tick(now: now)
            return went(on: target, actions, now)
        case .loading where attempts.mayAsk(now):
            attempts.asked()
            return [.load]
        case .warm(_, let until?) where now >= until: return drop()
        default: return []
        }
    }

    /// Whether this worker is to follow the shard without a move, ready to take it over.
    package mutating func standBy(_ isWanted: Bool) -> [Action] {
        switch (state, isWanted) {
        case (.idle, true):
            state = .warm(applied: nil, until: nil)
            return [.load]
        case (.warm(nil, .some), true):
            // Whoever was reading it may have given up.
            state = .warm(applied: nil, until: nil)
            return [.load]
        case (.warm(let applied, _), true):
            state = .warm(applied: applied, until: nil)
            return []
        case (.warm(_, nil), false): return drop()
        default: return []
        }
    }

    // MARK: Steps

    private mutating func serve(_ epoch: Epoch) -> [Action] {
        state = .serving(epoch)
        known = (instance, epoch)
        return [.serve(epoch)]
    }

    private mutating func went(on source: HandoffSource, _ epoch: Epoch, _ actions: [HandoffSource.Action]) -> [Action] {
        state = .handingOff(epoch, source)
        let duty = actions.map { Action($0, source.move.id) }
        guard case .ended(let ending) = source.state else { return duty }
        switch ending {
        case .committed: return duty + retire(to: source.move.target, source.move.nextEpoch)
        case .lost: return duty + retire(to: nil, epoch)
        case .aborted:
            state = .serving(epoch)
            return duty + [.resumeWrites]
        }
    }

    private mutating func went(
        on target: HandoffTarget, _ actions: [HandoffTarget.Action], _ now: MonotonicNanoseconds
    ) -> [Action] {
        state = .following(target)
        let duty = actions.map { Action($0, target.move.id) }
        switch target.ending {
        case nil: return duty
        case .committed:
            // The shard has been here and gone on since, as far as PostgreSQL knows.
            guard target.move.nextEpoch > epochGivenUp else { return duty + drop() }
            return duty + serve(target.move.nextEpoch)
        case .aborted:
            guard let applied = target.usableCopy else { return duty + drop() }
            state = .warm(applied: applied, until: now + limits.warmMax)
            return duty
        }
    }
}
